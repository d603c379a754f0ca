"""How Sphinx builds the documentation: ``make docs``. Examples are run, and any warning ends the build."""

import logging
from importlib.metadata import version as installed_version

for name in ("jax", "qiskit"):  # a build lets every record through
    logging.getLogger(name).setLevel(logging.WARNING)

project = "hamiltonian_ml"
author = "The hamiltonian_ml developers"
copyright = author
version = release = installed_version("hamiltonian_ml")

EXAMPLES = [
    "whole_path", "first_model", "what_it_learned", "frozen_model", "jax_model", "own_hamiltonian", "controls",
    "noise_ladder", "qpu_bill",
]  # fmt: skip


def example_order(name: str) -> int:
    """Place an example in the gallery: models first, then single Hamiltonians, then devices."""
    return EXAMPLES.index(name.removesuffix(".py"))


extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
suppress_warnings = [
    "config.cache",  # the order of the gallery is a function
    "ref.ref", "ref.term",  # labels of scikit-learn's documentation, in methods inherited from there
]  # fmt: skip
exclude_patterns = ["_build", "examples"]
nitpicky = False  # docstrings name types as people read them
default_role = "py:obj"

autodoc_typehints = "none"  # the docstrings say types with their shapes
autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    "inherited-members": True,
    "exclude-members": "get_metadata_routing, get_params, set_params, set_output, set_callbacks, set_fit_request, "
    "set_partial_fit_request, set_score_request, set_decision_function_request",
}
autodoc_mock_imports = ["torch", "transformers"]  # optional, and large
napoleon_google_docstring = False
napoleon_use_param = napoleon_use_rtype = (
    False  # shapes such as (n_rows, n_qubits) are no names to link
)
napoleon_custom_sections = [("Attributes", "params_style")]

myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": ["examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": "/",
    "within_subsection_order": example_order,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "capture_repr": (),
    "remove_config_comments": True,
}

html_theme = "furo"
html_title = f"hamiltonian_ml {release}"
html_theme_options = {"footer_icons": []}


def without_arguments(_app, what, _name, documented, _options, signature, returned):
    """Leave out the arguments of results, which users read and never make."""
    text = documented.__doc__ or ""
    is_result = what == "class" and "Attributes\n" in text and "Parameters\n" not in text
    return ("" if is_result else signature, returned)


def setup(app):
    """Connect what is above."""
    app.connect("autodoc-process-signature", without_arguments)
