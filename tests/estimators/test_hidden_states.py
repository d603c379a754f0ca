"""Hidden states of language models made on the spot: pooling, layers, the cache, and what is refused."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hamiltonian_ml.estimators import language_model
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.hidden_states import TransformersFeatures
from tests.estimators.conftest import WORDS, write_model

ROOT = Path(__file__).parents[2]

TEXTS = ["iron is a metal", "neon", "the capital of france is paris", "gold is not a gas"]


def states_of(folder, text, layer):
    """Return the states of one text's tokens by transformers itself."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        outputs = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
    return outputs.hidden_states[layer][0].numpy()


@pytest.mark.parametrize("kind", ["causal_model", "masked_model"])
@pytest.mark.parametrize("layer", [0, 1, -1])
@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("last", lambda states: states[-1]),
        ("first", lambda states: states[0]),
        ("mean", lambda states: states.mean(0)),
        ("max", lambda states: states.max(0)),
    ],
)
def test_states_are_those_that_the_model_gives_each_text_alone(request, kind, layer, pooling, pool):
    folder = request.getfixturevalue(kind)
    found = TransformersFeatures(folder, layer=layer, pooling=pooling).fit_transform(TEXTS)
    expected = [pool(states_of(folder, text, layer)) for text in TEXTS]
    np.testing.assert_allclose(found, expected, atol=2e-6)  # 32 bits, and sums in another order where texts are padded


def test_the_order_of_texts_and_the_size_of_batches_do_not_matter(causal_model):
    whole = TransformersFeatures(causal_model).fit_transform(TEXTS)
    small = TransformersFeatures(causal_model, batch_size=1).fit_transform(TEXTS[::-1])[::-1]
    np.testing.assert_allclose(whole, small, atol=2e-6)  # as above


def test_a_table_of_one_column_is_a_list_of_texts(causal_model):
    import pandas as pd

    features = TransformersFeatures(causal_model).fit(TEXTS)
    np.testing.assert_array_equal(features.transform(pd.DataFrame({"text": TEXTS})), features.transform(TEXTS))


def test_nothing_in_the_cache_is_computed_again(causal_model, tmp_path, monkeypatch):
    first = TransformersFeatures(causal_model, cache=tmp_path / "new" / "cache").fit_transform(TEXTS)
    again = TransformersFeatures(causal_model, cache=tmp_path / "new" / "cache").fit(TEXTS)
    monkeypatch.setattr(language_model.LanguageModel, "hidden_states", lambda *_, **__: pytest.fail("computed"))
    np.testing.assert_array_equal(again.transform(TEXTS[::-1]), first[::-1])


@pytest.mark.parametrize("change", [{"layer": 0}, {"pooling": "mean"}, {"max_length": 1}])
@pytest.mark.filterwarnings("ignore:3 texts have more than 1 tokens")
def test_other_options_do_not_meet_the_cache(causal_model, tmp_path, change):
    TransformersFeatures(causal_model, cache=tmp_path).fit_transform(TEXTS)
    cached = TransformersFeatures(causal_model, cache=tmp_path, **change).fit_transform(TEXTS)
    np.testing.assert_array_equal(cached, TransformersFeatures(causal_model, **change).fit_transform(TEXTS))


def test_another_model_does_not_meet_the_cache(causal_model, masked_model, tmp_path):
    TransformersFeatures(causal_model, cache=tmp_path).fit_transform(TEXTS)
    cached = TransformersFeatures(masked_model, cache=tmp_path).fit_transform(TEXTS)
    np.testing.assert_array_equal(cached, TransformersFeatures(masked_model).fit_transform(TEXTS))


def test_a_copied_folder_meets_the_cache(causal_model, tmp_path, monkeypatch):
    first = TransformersFeatures(causal_model, cache=tmp_path / "cache").fit_transform(TEXTS)
    shutil.copytree(causal_model, tmp_path / "moved")
    moved = TransformersFeatures(tmp_path / "moved", cache=tmp_path / "cache").fit(TEXTS)
    monkeypatch.setattr(language_model.LanguageModel, "hidden_states", lambda *_, **__: pytest.fail("computed"))
    np.testing.assert_array_equal(moved.transform(TEXTS), first)


def test_a_pickle_holds_no_weights_and_works(causal_model):
    features = TransformersFeatures(causal_model).fit(TEXTS)
    stored = pickle.dumps(features)
    assert len(stored) < 2000  # the weights alone are 20 kB
    np.testing.assert_array_equal(pickle.loads(stored).transform(TEXTS), features.transform(TEXTS))


def test_cloning_and_a_pipeline(causal_model):
    model = make_pipeline(TransformersFeatures(causal_model), LogisticRegression(max_iter=1000))
    assert clone(model).fit(TEXTS, ["metal", "gas", "city", "metal"]).predict(TEXTS).tolist()[1] == "gas"
    assert model[0].get_params()["model"] == causal_model


def test_long_texts_are_cut_with_a_warning(causal_model):
    text = " ".join(["iron"] * 20)
    features = TransformersFeatures(causal_model).fit(TEXTS)
    with pytest.warns(UserWarning, match="1 texts have more than 12 tokens and were cut"):
        cut = features.transform([text])
    np.testing.assert_array_equal(cut, features.transform([" ".join(["iron"] * 12)]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 3}, "layer must be an integer from -3 to 2, got 3"),
        ({"layer": "last"}, "layer must be an integer from -3 to 2, got 'last'"),
        ({"pooling": "sum"}, "pooling must be one of 'last', 'mean', 'max', 'first', got 'sum'"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"max_length": 0}, "max_length must be an integer of at least 1, got 0"),
        ({"device": "abacus"}, "device must be one that torch can use here, got 'abacus'"),
    ],
)
def test_wrong_options_are_refused(causal_model, options, message):
    with pytest.raises(ValueError, match=message):
        TransformersFeatures(causal_model, **options).fit(TEXTS)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("iron", "X must be a list of texts, got one text"),
        ([], "X must hold at least one text"),
        ([["iron", "gold"]], r"in one column, got shape \(1, 2\)"),
        (["iron", ""], "X must hold texts that are not empty, got '' in row 1"),
        (["iron", 7], "X must hold texts that are not empty, got 7 in row 1"),
        (["iron", None], "got None in row 1"),
    ],
)
def test_what_is_no_text_is_refused(causal_model, texts, message):
    features = TransformersFeatures(causal_model)
    with pytest.raises(ValueError, match=message):
        features.fit(texts)
    with pytest.raises(ValueError, match=message):
        features.fit(TEXTS).transform(texts)


def one_line(error, folder=""):
    assert "\n" not in str(error.value)
    assert len(str(error.value).replace(str(folder), "")) < 400  # wherever temporary files lie


def test_a_missing_folder_is_one_clear_line(causal_model, tmp_path):
    with pytest.raises(ValueError, match="model must be a folder with a model or a name on the Hugging Face hub") as e:
        TransformersFeatures(tmp_path / "nowhere").fit(TEXTS)
    one_line(e, tmp_path)


def test_a_file_in_place_of_the_folder_is_one_clear_line(causal_model):
    with pytest.raises(ValueError, match=r"model must be a folder, and .* is a file") as e:
        TransformersFeatures(causal_model / "config.json").fit(TEXTS)
    one_line(e)


def broken(model, folder, breaker):
    shutil.copytree(model, folder)
    breaker(folder)
    return folder


def rewrite_config(**changes):
    def breaker(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return breaker


@pytest.mark.parametrize(
    ("breaker", "message"),
    [
        (lambda f: (f / "config.json").unlink(), "holds no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "config.json in .* is not JSON"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "holds no .*safetensors"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\0" * 100), "the model in .* cannot be read"),
        (lambda f: (f / "tokenizer.json").write_text("no tokenizer"), "the tokenizer in .* cannot be read"),
        (
            lambda f: [path.unlink() for path in f.glob("tokenizer*")],
            "tokenizer in .* cannot be read: .*[^:]; write it",
        ),
        (rewrite_config(auto_map={"AutoModel": "evil.Model"}), "needs code of its own"),
        (rewrite_config(model_type="abacus"), "the model in .* cannot be read"),
    ],
    ids=[
        "no config",
        "broken config",
        "no safetensors",
        "damaged weights",
        "damaged tokenizer",
        "no tokenizer",
        "own code",
        "unknown",
    ],
)
def test_a_folder_that_holds_no_safe_model_is_one_clear_line(causal_model, tmp_path, breaker, message):
    folder = broken(causal_model, tmp_path / "broken", breaker)
    with pytest.raises(ValueError, match=message) as e:
        TransformersFeatures(folder).fit(TEXTS)
    one_line(e)


def test_a_tokenizer_that_does_not_fit_is_one_clear_line(causal_model, tmp_path):
    folder = write_model(tmp_path / "small", n_words=len(WORDS) - 5)
    with pytest.raises(ValueError, match=r"tokenizer in .* does not fit the model: it has 21 tokens .* embeds 16") as e:
        TransformersFeatures(folder).fit(TEXTS)
    one_line(e)


def test_a_tokenizer_whose_numbers_leave_gaps_is_one_clear_line(causal_model, tmp_path):
    def renumber(folder):
        held = json.loads((folder / "tokenizer.json").read_text())
        held["model"]["vocab"]["gold"] = 99
        (folder / "tokenizer.json").write_text(json.dumps(held))

    folder = broken(causal_model, tmp_path / "gaps", renumber)
    with pytest.raises(ValueError, match=r"does not fit the model: it has 21 tokens with numbers up to 99 .* 21") as e:
        TransformersFeatures(folder).fit(TEXTS)
    one_line(e)


def test_a_model_of_images_is_one_clear_line(causal_model, tmp_path):
    import transformers

    folder = shutil.copytree(causal_model, tmp_path / "images")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    transformers.ViTModel(transformers.ViTConfig(**sizes, image_size=8, patch_size=4)).save_pretrained(folder)
    with pytest.raises(ValueError, match=r"model must be one that reads text, and .* embeds no tokens") as e:
        TransformersFeatures(folder).fit(TEXTS)
    one_line(e)


def test_what_is_no_name_of_a_model_is_one_clear_line(causal_model):
    with pytest.raises(ValueError, match="model must be a folder or a name on the Hugging Face hub, got None"):
        TransformersFeatures(None).fit(TEXTS)


def test_a_model_that_counts_places_from_its_padding_on_gets_no_more_tokens_than_it_holds(causal_model, tmp_path):
    import transformers

    folder = shutil.copytree(causal_model, tmp_path / "roberta")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    config = transformers.RobertaConfig(**sizes, vocab_size=21, max_position_embeddings=12, pad_token_id=1)
    transformers.RobertaForMaskedLM(config).save_pretrained(folder)
    features = TransformersFeatures(folder).fit(TEXTS)
    with pytest.warns(UserWarning, match="1 texts have more than 10 tokens and were cut"):
        assert features.transform([" ".join(["iron"] * 20)]).shape == (1, 8)


def test_a_model_that_has_changed_since_fit_is_refused(causal_model, tmp_path):
    folder = broken(causal_model, tmp_path / "changed", lambda folder: None)
    stored = pickle.dumps(TransformersFeatures(folder).fit(TEXTS))
    write_model(folder, width=32)
    with pytest.raises(ValueError, match="has changed since fit; fit again"):
        pickle.loads(stored).transform(TEXTS)


def test_a_cache_that_is_a_file_is_refused(causal_model, tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(ValueError, match="cache must be a folder to write to"):
        TransformersFeatures(causal_model, cache=tmp_path / "taken").fit_transform(TEXTS)
    assert (tmp_path / "taken").read_text() == "mine"


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"TransformersFeatures needs torch; run make heads in the checkout"):
        TransformersFeatures("somewhere").fit(TEXTS)


def test_the_three_lines_of_the_readme_run_on_a_local_folder(causal_model, tmp_path, monkeypatch):
    """Their text is taken from the README; only the path is another."""
    lines = re.search(r"```\n(features = .*?)```", (ROOT / "README.md").read_text("utf-8"), re.S).group(1)
    monkeypatch.chdir(tmp_path)
    names = {
        "TransformersFeatures": TransformersFeatures,
        "StandardScaler": StandardScaler,
        "HamiltonianClassifier": partial(HamiltonianClassifier, max_iter=3, random_state=0),
        "make_pipeline": make_pipeline,
        "texts": ["iron is a metal", "neon is a gas", "gold is a metal", "paris is a city"],
        "labels": ["metal", "gas", "metal", "city"],
    }
    exec(lines.replace("path/to/model", str(causal_model)), names)
    assert len(names["model"].predict(names["texts"])) == 4
    assert (tmp_path / "hidden-states").is_dir()


def test_a_model_that_lacks_weights_is_refused(causal_model, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(causal_model, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    kept = {name: part for name, part in weights.items() if "layers.1." not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 9 of its weights, such as layers\.1\..*save it whole"):
        TransformersFeatures(folder).fit(TEXTS)


def test_verbose_shows_a_bar_that_counts_texts(causal_model, capfd):
    TransformersFeatures(causal_model, verbose=1).fit_transform(TEXTS)
    assert "hidden states" in (shown := capfd.readouterr().err)
    assert "4/4" in shown


@pytest.mark.parametrize("kind", ["causal_model", "masked_model"])
def test_reading_a_model_prints_nothing(request, kind, capfd):
    folder = request.getfixturevalue(kind)
    capfd.readouterr()  # what writing the model printed
    TransformersFeatures(folder).fit_transform(TEXTS)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("layer", [0, -1])
def test_the_number_of_features_is_that_of_the_layer(causal_model, tmp_path, layer):
    import transformers

    size = {"hidden_size": 8, "word_embed_proj_dim": 4, "ffn_dim": 8, "num_attention_heads": 1, "num_hidden_layers": 1}
    config = transformers.OPTConfig(vocab_size=len(WORDS) + 9, max_position_embeddings=16, pad_token_id=0, **size)
    transformers.OPTModel(config).save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(causal_model).save_pretrained(tmp_path)
    features = TransformersFeatures(tmp_path, layer=layer).fit(TEXTS)
    assert features.transform(TEXTS).shape == (len(TEXTS), features.n_features_out_)
    assert len(features.get_feature_names_out()) == features.n_features_out_
