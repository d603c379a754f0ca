"""From features to a loss and its exact gradient: embedding, expectation values, readout and training."""
