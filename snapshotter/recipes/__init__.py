"""Files that run this installation: by cron, systemd, in containers and by orchestrators."""
