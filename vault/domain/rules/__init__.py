"""The shapes of the policy files: one dataclass for each rule, and where two numbers of it contradict."""
