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
    public async Task As_few_calls_as_there_are_tens_of_messages(int messages, int calls)
    {
        var queue = new FakeQueue();
        await queue.Sender().SendAsync(Queue, Bodies(messages), default);
        Assert.Equal(calls, queue.Calls.Count);
        Assert.Equal(Bodies(messages), queue.Taken);
    }

    [Fact]
    public async Task No_call_is_larger_than_a_queue_takes()
    {
        // Two bytes a letter: what counts is the length in UTF-8.
        var bodies = Enumerable.Range(0, 12).Select(i => $"{i}{new string('ü', 40_000)}").Append(new string('x', QueueSender.MostBytes)).ToList();
        var queue = new FakeQueue();
        await queue.Sender().SendAsync(Queue, bodies, default);
        Assert.Equal(bodies, queue.Taken);
        Assert.Equal([3, 3, 3, 3, 1], queue.Calls.Select(call => call.Entries.Count));
    }

    [Fact]
    public async Task What_the_queue_did_not_take_is_sent_again_and_nothing_else()
    {
        var queue = new FakeQueue { Refuse = (body, call) => body is "3" or "14" && call < 5 ? ("InternalError", false) : null };
        await queue.Sender().SendAsync(Queue, Bodies(20), default);
        Assert.Equal([10, 10, 2, 2, 2], queue.Calls.Select(call => call.Entries.Count));
        Assert.Equal(Bodies(20).Order(), queue.Taken.Order());
    }

    [Fact]
    public async Task Who_sends_learns_which_messages_were_not_taken_and_why()
    {
        var queue = new FakeQueue { Refuse = (body, _) => body switch { "1" => ("InternalError", false), "12" => ("InvalidMessageContents", true), _ => null } };
        var bodies = Bodies(15);
        bodies[7] = "";
        bodies[8] = new string('x', QueueSender.MostBytes + 1);
        var failure = await Assert.ThrowsAsync<MessagesNotSentException>(() => queue.Sender().SendAsync(Queue, bodies, default));
        Assert.Equal([(1, "InternalError"), (7, "InvalidLength"), (8, "InvalidLength"), (12, "InvalidMessageContents")], failure.Unsent.Select(message => (message.Index, message.Code)));
        Assert.Equal(Bodies(15).Except(["1", "7", "8", "12"]), queue.Taken);
        Assert.Contains("4 of 15 messages", failure.Message, StringComparison.Ordinal);
        // The first call and the second, and the one message that was worth it three times more.
        Assert.Equal([10, 3, 1, 1, 1], queue.Calls.Select(call => call.Entries.Count));
    }

    [Fact]
    public async Task When_the_service_is_away_all_that_is_left_is_reported_unsent()
    {
        var queue = new FakeQueue { Break = call => call == 2 ? new AmazonSQSException("throttled") { ErrorCode = "RequestThrottled" } : null };
        var failure = await Assert.ThrowsAsync<MessagesNotSentException>(() => queue.Sender().SendAsync(Queue, Bodies(35), default));
        Assert.Equal(Enumerable.Range(10, 25), failure.Unsent.Select(message => message.Index));
        Assert.Equal(2, queue.Calls.Count);
        Assert.Equal(Bodies(10), queue.Taken);
    }

    [Fact]
    public async Task Who_stops_waiting_is_not_told_that_it_was_sent()
    {
        using var stop = new CancellationTokenSource();
        var queue = new FakeQueue { Break = _ => { stop.Cancel(); return new OperationCanceledException(stop.Token); } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queue.Sender().SendAsync(Queue, Bodies(1), stop.Token));
    }

    static List<string> Bodies(int count) => [.. Enumerable.Range(0, count).Select(i => $"{i}")];

    sealed class FakeQueue
    {
        public Func<string, int, (string Code, bool SenderFault)?> Refuse { get; init; } = (_, _) => null;
        public Func<int, Exception?> Break { get; init; } = _ => null;
        public List<SendMessageBatchRequest> Calls { get; } = [];
        public List<string> Taken { get; } = [];

        public QueueSender Sender() => new(Substitute.For<IAmazonSQS>((_, request) => Task.FromResult<object>(Take((SendMessageBatchRequest)request))), NoWaiting.FromToday());

        SendMessageBatchResponse Take(SendMessageBatchRequest call)
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

            // As the SDK does: a list without entries is null.
            List<BatchResultErrorEntry>? failed = null;
            foreach (var entry in call.Entries)
            {
                if (Refuse(entry.MessageBody, Calls.Count) is { } refused)
                {
                    (failed ??= []).Add(new BatchResultErrorEntry { Id = entry.Id, Code = refused.Code, SenderFault = refused.SenderFault, Message = "because" });
                }
                else
                {
                    Taken.Add(entry.MessageBody);
                }
            }

            return new SendMessageBatchResponse { Failed = failed };
        }
    }
}
