"""vmap: arrays that hide a batch, the devices they are on, and a rule for every array function. Knows no derivative."""
