using Amazon.SQS;
using Amazon.SQS.Model;

namespace ControlPlane.Tests.Aws;

public class QueueOverflowTests
{
    const string Queue = "https://sqs.eu-central-1.amazonaws.com/111122223333/overflow";
    static readonly DateTimeOffset ReceivedAt = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_large_delivery_is_split_into_messages_without_loss()
    {
        var random = new Random(7);
        string[] texts = ["{broken", .. Enumerable.Range(0, 40).Select(_ => Random(random, 20_000))];
        var delivery = new OverflowDelivery(Guid.Parse("0199b000-0000-7000-8000-000000000001"), UsageFormat.Litellm, ReceivedAt, texts);
        var sent = new List<string>();

        await Overflow(entry => sent.Add(entry.MessageBody)).AddAsync(delivery, default);

        Assert.True(sent.Count > 1);
        Assert.All(sent, body => Assert.InRange(body.Length, 1, 262_144));
        var read = sent.Select(OverflowMessages.Read).ToList();
        Assert.Equal(texts, read.SelectMany(part => part.Events));
        Assert.All(read, part => Assert.Equal((delivery.Tenant, delivery.Format, delivery.ReceivedAt), (part.Tenant, part.Format, part.ReceivedAt)));
    }

    [Fact]
    public async Task A_failed_send_is_reported()
    {
        var overflow = Overflow(_ => throw new AmazonSQSException("unavailable"));

        var e = await Assert.ThrowsAsync<OverflowFullException>(() => overflow.AddAsync(new OverflowDelivery(Guid.Empty, UsageFormat.Event, ReceivedAt, ["{}"]), default));
        Assert.DoesNotContain(Queue, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Overflow_is_registered_if_a_queue_is_set()
    {
        Assert.IsType<QueueOverflow>(With(Queue).GetService<IUsageOverflow>());
        Assert.Null(With(null).GetService<IUsageOverflow>());

        static ServiceProvider With(string? queue) => new ServiceCollection().AddAwsServices(new ConfigurationBuilder().AddInMemoryCollection(
            [new("CONTROLPLANE_OVERFLOW_QUEUE", queue), new("CONTROLPLANE_REGION", "eu-central-1")]).Build())
            .AddSingleton(Substitute.For<IAmazonSQS>((_, _) => throw new NotSupportedException())).BuildServiceProvider();
    }

    static QueueOverflow Overflow(Action<SendMessageBatchRequestEntry> receive) => new(
        new QueueSender(
            Substitute.For<IAmazonSQS>((_, request) =>
            {
                var batch = (SendMessageBatchRequest)request;
                Assert.Equal(Queue, batch.QueueUrl);
                batch.Entries.ForEach(receive);
                return Task.FromResult<object>(new SendMessageBatchResponse());
            }),
            InstantClock.AtFixedTime()),
        Queue);

    static string Random(Random random, int bytes)
    {
        var content = new byte[bytes];
        random.NextBytes(content);
        return Convert.ToHexString(content);
    }
}
