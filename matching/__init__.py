"""Floor 5: rounds. The problem, its solver, its checker and its explanation are pure; only rounds touch the database."""
