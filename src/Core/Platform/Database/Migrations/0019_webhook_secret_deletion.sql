-- A rotation deletes expired webhook secrets, so that a tenant has at most two.
grant delete on control.webhook_secret to control_app, control_job;
