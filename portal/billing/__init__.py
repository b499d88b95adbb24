"""The domain. It knows no request: functions take an actor and values."""
