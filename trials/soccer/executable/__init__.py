"""SoccerTwos as an ML-Agents executable: what a trainer starts in a Unity build's place, and speaks gRPC with."""
