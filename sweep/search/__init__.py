"""What a sweep proposes: the study, its samplers, a warm start, and a proposal as a complete trial."""
