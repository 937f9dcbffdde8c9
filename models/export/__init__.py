"""From a diffusers pipeline to a Kinora model pack: ONNX graphs, their weights, and pack.json."""
