"""Makes vLLM's metrics arrive in Prometheus, Fluent Bit and Parseable."""
