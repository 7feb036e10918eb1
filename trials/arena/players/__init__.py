"""Who can play: built-in players and ONNX policies, with one face."""
