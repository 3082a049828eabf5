"""Alerts that name the cause, by e-mail and to a webhook. Each needs a connection of Airflow:

- `pitwall_smtp`: the mail server; its extra fields `from_email` and `to` are the addresses.
- `pitwall_webhook`: the address; it gets `{"text": ...}` by POST.

Without connections there are no alerts.
"""

import logging

from airflow.providers.http.notifications.http import HttpNotifier
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from pitwall_stages import CAUSE

SMTP, WEBHOOK = "pitwall_smtp", "pitwall_webhook"
PRODUCER = "dbt_producer_watcher"


def connection(name: str) -> Connection | None:
    """A connection of Airflow; None if it has no such connection."""
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None


def alert(subject: str, text: str) -> None:
    """Send a message to every place that has a connection. A place that cannot be reached stops no other."""
    # The text comes from data. As a value in the context it is not read as a template. The names must not be
    # those of fields of a notifier, which replace them.
    context = {"alert_subject": f"Pitwall: {subject}", "alert_text": text}
    notifiers = []
    if mail := connection(SMTP):
        notifiers.append(
            SmtpNotifier(
                to=mail.extra_dejson.get("to"),
                from_email=mail.extra_dejson.get("from_email"),
                subject="{{ alert_subject }}",
                html_content="<pre>{{ alert_text | e }}</pre>",
                smtp_conn_id=SMTP,
            )
        )
    if connection(WEBHOOK):
        notifiers.append(
            HttpNotifier(http_conn_id=WEBHOOK, json={"text": "{{ alert_subject }}\n{{ alert_text }}"})
        )
    for notifier in notifiers:
        try:
            notifier(context)
        except Exception:
            logging.getLogger(__name__).exception("an alert could not be sent")


def alert_of_failure(context: dict) -> None:
    """Report why a task failed."""
    instance = context["task_instance"]
    cause = str(context.get("exception") or "it was killed, or never started")
    if instance.task_id.endswith(PRODUCER) and CAUSE.exists():
        cause = CAUSE.read_text(encoding="utf-8")
    alert(f"{instance.task_id} failed", cause)
