using Amazon.SQS;
using Amazon.SQS.Model;

namespace ControlPlane.Tests.Aws;

public class QueueSenderTests
{
    const string Queue = "https://sqs.eu-central-1.amazonaws.com/111122223333/overflow";

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(10, 1)]
    [InlineData(11, 2)]
    [InlineData(95, 10)]
    public async Task A_call_sends_up_to_ten_messages(int messages, int calls)
    {
        var queue = new FakeQueue();
        await queue.Sender().SendAsync(Queue, Bodies(messages), default);
        Assert.Equal(calls, queue.Calls.Count);
        Assert.Equal(Bodies(messages), queue.Accepted);
    }

    [Fact]
    public async Task No_call_exceeds_the_size_limit()
    {
        // Two bytes per character: the limit is in UTF-8.
        var bodies = Enumerable.Range(0, 12).Select(i => $"{i}{new string('ü', 40_000)}").Append(new string('x', QueueSender.MaxBytes)).ToList();
        var queue = new FakeQueue();
        await queue.Sender().SendAsync(Queue, bodies, default);
        Assert.Equal(bodies, queue.Accepted);
        Assert.Equal([3, 3, 3, 3, 1], queue.Calls.Select(call => call.Entries.Count));
    }

    [Fact]
    public async Task Only_rejected_messages_are_sent_again()
    {
        var queue = new FakeQueue { Refuse = (body, call) => body is "3" or "14" && call < 5 ? ("InternalError", false) : null };
        await queue.Sender().SendAsync(Queue, Bodies(20), default);
        Assert.Equal([10, 10, 2, 2, 2], queue.Calls.Select(call => call.Entries.Count));
        Assert.Equal(Bodies(20).Order(), queue.Accepted.Order());
    }

    [Fact]
    public async Task The_exception_names_the_unsent_messages_with_their_errors()
    {
        var queue = new FakeQueue { Refuse = (body, _) => body switch { "1" => ("InternalError", false), "12" => ("InvalidMessageContents", true), _ => null } };
        var bodies = Bodies(15);
        bodies[7] = "";
        bodies[8] = new string('x', QueueSender.MaxBytes + 1);
        var failure = await Assert.ThrowsAsync<MessagesNotSentException>(() => queue.Sender().SendAsync(Queue, bodies, default));
        Assert.Equal([(1, "InternalError"), (7, "InvalidLength"), (8, "InvalidLength"), (12, "InvalidMessageContents")], failure.Unsent.Select(message => (message.Index, message.Code)));
        Assert.Equal(Bodies(15).Except(["1", "7", "8", "12"]), queue.Accepted);
        Assert.Contains("4 of 15 messages", failure.Message, StringComparison.Ordinal);
        // The two batches, then three retries of the one retryable message.
        Assert.Equal([10, 3, 1, 1, 1], queue.Calls.Select(call => call.Entries.Count));
    }

    [Fact]
    public async Task When_the_service_fails_all_remaining_messages_are_reported_unsent()
    {
        var queue = new FakeQueue { Break = call => call == 2 ? new AmazonSQSException("throttled") { ErrorCode = "RequestThrottled" } : null };
        var failure = await Assert.ThrowsAsync<MessagesNotSentException>(() => queue.Sender().SendAsync(Queue, Bodies(35), default));
        Assert.Equal(Enumerable.Range(10, 25), failure.Unsent.Select(message => message.Index));
        Assert.Equal(2, queue.Calls.Count);
        Assert.Equal(Bodies(10), queue.Accepted);
    }

    [Fact]
    public async Task A_cancelled_send_throws()
    {
        using var cancel = new CancellationTokenSource();
        var queue = new FakeQueue { Break = _ => { cancel.Cancel(); return new OperationCanceledException(cancel.Token); } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queue.Sender().SendAsync(Queue, Bodies(1), cancel.Token));
    }

    static List<string> Bodies(int count) => [.. Enumerable.Range(0, count).Select(i => $"{i}")];

    sealed class FakeQueue
    {
        public Func<string, int, (string Code, bool SenderFault)?> Refuse { get; init; } = (_, _) => null;
        public Func<int, Exception?> Break { get; init; } = _ => null;
        public List<SendMessageBatchRequest> Calls { get; } = [];
        public List<string> Accepted { get; } = [];

        public QueueSender Sender() => new(Substitute.For<IAmazonSQS>((_, request) => Task.FromResult<object>(Receive((SendMessageBatchRequest)request))), InstantClock.AtFixedTime());

        SendMessageBatchResponse Receive(SendMessageBatchRequest call)
        {
            Calls.Add(call);
            Assert.Equal(Queue, call.QueueUrl);
            Assert.InRange(call.Entries.Count, 1, 10);
            Assert.Equal(call.Entries.Count, call.Entries.Select(entry => entry.Id).Distinct().Count());
            Assert.InRange(call.Entries.Sum(entry => System.Text.Encoding.UTF8.GetByteCount(entry.MessageBody)), 1, 262_144);
            if (Break(Calls.Count) is { } broken)
            {
                throw broken;
            }

            // Like the SDK, which returns null for an empty list.
            List<BatchResultErrorEntry>? failed = null;
            foreach (var entry in call.Entries)
            {
                if (Refuse(entry.MessageBody, Calls.Count) is { } refused)
                {
                    (failed ??= []).Add(new BatchResultErrorEntry { Id = entry.Id, Code = refused.Code, SenderFault = refused.SenderFault, Message = "because" });
                }
                else
                {
                    Accepted.Add(entry.MessageBody);
                }
            }

            return new SendMessageBatchResponse { Failed = failed };
        }
    }
}
