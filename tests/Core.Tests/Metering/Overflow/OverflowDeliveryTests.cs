using System.Text;

namespace ControlPlane.Tests.Metering.Overflow;

public class OverflowDeliveryTests
{
    static readonly DateTimeOffset ReceivedAt = new(2026, 1, 31, 12, 0, 0, 123, TimeSpan.Zero);

    [Fact]
    public void Event_texts_round_trip_unchanged_including_malformed_ones()
    {
        string[] texts = ["""{ "id": "a",  "model": "\u00fc\ud800" }""", "{broken", "[1]", "  ", "ü€😀\u0000\u2028", "\"", "null", "line\r\nbreak"];
        var delivery = new OverflowDelivery(Guid.Parse("0199b000-0000-7000-8000-000000000001"), UsageFormat.Litellm, ReceivedAt, texts);

        var json = delivery.ToJson();
        var parsed = OverflowDelivery.Parse(json);

        Assert.Equal(texts, parsed.Events);
        Assert.Equal((delivery.Tenant, delivery.Format, delivery.ReceivedAt), (parsed.Tenant, parsed.Format, parsed.ReceivedAt));
        Assert.DoesNotContain((byte)'\n', json);
        Assert.StartsWith("""{"tenant":"0199b000-0000-7000-8000-000000000001","form":"litellm","received_at":"2026-01-31T12:00:00.123+00:00","events":[""", Encoding.UTF8.GetString(json), StringComparison.Ordinal);
        Assert.Equal(texts, parsed.Submissions().Select(submission => submission.Raw));
        Assert.Equal(Enumerable.Range(0, texts.Length).Select(index => (long)index), parsed.Submissions().Select(submission => submission.Index));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{secret")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"tenant":"0199b000-0000-7000-8000-000000000001","form":"event","received_at":"2026-01-31T12:00:00Z"}""")]
    [InlineData("""{"tenant":"0199b000-0000-7000-8000-000000000001","form":"event","received_at":"2026-01-31T12:00:00Z","events":null}""")]
    [InlineData("""{"tenant":"0199b000-0000-7000-8000-000000000001","form":"other","received_at":"2026-01-31T12:00:00Z","events":[]}""")]
    [InlineData("""{"tenant":"0199b000-0000-7000-8000-000000000001","form":"event","received_at":"2026-01-31T12:00:00Z","events":[],"version":2}""")]
    public void An_unreadable_delivery_throws_without_quoting_its_content(string json)
    {
        var e = Assert.Throws<InvalidDataException>(() => OverflowDelivery.Parse(Encoding.UTF8.GetBytes(json)));
        Assert.DoesNotContain("secret", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_delivery_that_exceeds_one_message_is_split_between_its_events()
    {
        const int MaximumLength = 10_000;
        var random = new Random(7);
        string[] texts = [.. Enumerable.Range(0, 300).Select(_ => Convert.ToHexString(RandomBytes(random, random.Next(700))))];
        var delivery = new OverflowDelivery(Guid.Empty, UsageFormat.Event, ReceivedAt, texts);

        var messages = OverflowMessages.Write(delivery, MaximumLength);

        Assert.True(messages.Count > 1);
        Assert.All(messages, message => Assert.InRange(message.Length, 1, MaximumLength));
        Assert.All(messages, message => Assert.True(message.All(char.IsAscii)));
        Assert.Equal(texts, messages.SelectMany(message => OverflowMessages.Read(message).Events));
        Assert.All(messages, message => Assert.Equal(ReceivedAt, OverflowMessages.Read(message).ReceivedAt));
        Assert.Single(OverflowMessages.Write(delivery, int.MaxValue));
    }

    [Fact]
    public void A_single_event_that_exceeds_one_message_is_refused()
    {
        var large = Convert.ToHexString(RandomBytes(new Random(7), 10_000));
        Assert.Throws<OverflowFullException>(() => OverflowMessages.Write(new OverflowDelivery(Guid.Empty, UsageFormat.Event, ReceivedAt, ["small", large]), 1_000));
    }

    [Theory]
    [InlineData("no base64!")]
    [InlineData("aGVsbG8=")]
    [InlineData("")]
    public void An_invalid_message_throws(string message) => Assert.Throws<InvalidDataException>(() => OverflowMessages.Read(message));

    static byte[] RandomBytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
