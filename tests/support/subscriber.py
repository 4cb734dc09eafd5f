"""An SNS subscriber of our own, and what CloudWatch would say through it."""

import http.server
import json
import threading

from kinescale import eventually


class Mailbox(http.server.ThreadingHTTPServer):
    """An SNS subscriber of our own: keeps what the simulated SNS signed, word for word."""

    daemon_threads = True

    def __init__(self, aws):
        self.aws = aws
        self.messages = []
        super().__init__(("127.0.0.1", 0), MailboxHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def subscribe(self, topic):
        """Returns the confirmation that was asked for; a subscription that stands stays as it is."""
        self.aws.subscribe(self.url, topic)
        asked = self.wait(lambda m: m["Type"] == "SubscriptionConfirmation" and m["TopicArn"].endswith(":" + topic))
        self.aws.sns("ConfirmSubscription", TopicArn=asked[1]["TopicArn"], Token=asked[1]["Token"])
        return asked

    def wait(self, wanted):
        """(headers, parsed, body) of the first that is wanted."""
        return eventually(lambda: next((m for m in self.messages if wanted(m[1])), None))

    def publish(self, topic, message="{}"):
        message_id = self.aws.publish(message, topic)
        return self.wait(lambda m: m["MessageId"] == message_id)

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class MailboxHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: value for name, value in self.headers.items()
                   if name.lower().startswith("x-amz") or name.lower() == "content-type"}
        self.server.messages.append((headers, json.loads(body), body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def alarm_text(name, stream="orders", state="ALARM"):
    """What CloudWatch would say; here somebody with the right to publish says it."""
    return json.dumps({
        "AlarmName": name, "AlarmDescription": None, "AWSAccountId": "000000000000", "NewStateValue": state,
        "NewStateReason": "because", "StateChangeTime": "2026-01-01T00:00:00.000+0000",
        "Region": "US East (N. Virginia)", "AlarmArn": f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}",
        "OldStateValue": "OK", "Trigger": {
            "MetricName": "IncomingBytes", "Namespace": "AWS/Kinesis", "StatisticType": "Statistic",
            "Statistic": "SUM", "Unit": None, "Dimensions": [{"value": stream, "name": "StreamName"}], "Period": 60,
            "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0,
            "TreatMissingData": "", "EvaluateLowSampleCountPercentile": ""}})
