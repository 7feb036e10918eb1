"""The controller: Optuna proposes, Ray Tune runs the trials, the ledger remembers, the report tells."""
