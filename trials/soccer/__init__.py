"""SoccerTwos without Unity: its rules, its sensors, and its ML-Agents face."""
