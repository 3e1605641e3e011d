using System.Globalization;
using System.Text;
using Amazon.SQS;
using Amazon.SQS.Model;

namespace ControlPlane.Aws;

/// <summary>
/// Puts messages into SQS queues: in as few calls as the service's limits allow, and again what was not taken. A message may arrive twice, when
/// an answer was lost: whoever receives it has to stand that, as with every standard queue.
/// </summary>
public sealed class QueueSender(IAmazonSQS sqs, TimeProvider clock)
{
    /// <summary>Most messages of one call.</summary>
    public const int MostEntries = 10;

    /// <summary>Most bytes of a message, and of all messages of one call, in UTF-8. A queue can be made for 1 MiB; this is what every queue takes.</summary>
    public const int MostBytes = 262_144;

    const int MostAttempts = 4;

    /// <param name="bodies">Text without control characters other than tab and line ends: SQS takes no others.</param>
    /// <exception cref="MessagesNotSentException">Some messages were not taken; it says which. The others are in the queue.</exception>
    public async Task SendAsync(string queueUrl, IReadOnlyList<string> bodies, CancellationToken ct)
    {
        var open = Enumerable.Range(0, bodies.Count).ToList();
        var unsent = new List<UnsentMessage>();
        for (var attempt = 1; ; attempt++)
        {
            var failed = await TryAsync(queueUrl, bodies, open, ct);
            unsent.AddRange(failed.Where(message => message.IsFinal || attempt == MostAttempts));
            open = [.. failed.Where(message => !message.IsFinal).Select(message => message.Index)];
            if (open.Count == 0 || attempt == MostAttempts)
            {
                break;
            }

            await Backoff.WaitAsync(attempt, clock, ct);
        }

        if (unsent.Count > 0)
        {
            throw new MessagesNotSentException(queueUrl, bodies.Count, [.. unsent.OrderBy(message => message.Index)]);
        }
    }

    /// <returns>What was not taken.</returns>
    async Task<List<UnsentMessage>> TryAsync(string queueUrl, IReadOnlyList<string> bodies, List<int> open, CancellationToken ct)
    {
        var failed = new List<UnsentMessage>();
        var batches = Batches(bodies, open, failed);
        for (var i = 0; i < batches.Count; i++)
        {
            try
            {
                failed.AddRange(await CallAsync(queueUrl, bodies, batches[i], ct));
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                // Whatever it was, the client has repeated what is worth repeating, and the caller has to learn what is not in the queue.
                failed.AddRange(batches[i..].SelectMany(batch => batch).Select(index => new UnsentMessage(index, e.GetType().Name, e.Message) { IsFinal = true }));
                break;
            }
        }

        return failed;
    }

    static List<List<int>> Batches(IReadOnlyList<string> bodies, List<int> open, List<UnsentMessage> failed)
    {
        var batches = new List<List<int>>();
        var bytesInLast = 0;
        foreach (var index in open)
        {
            var bytes = Encoding.UTF8.GetByteCount(bodies[index]);
            if (bytes is 0 or > MostBytes)
            {
                var why = string.Create(CultureInfo.InvariantCulture, $"a message has 1 to {MostBytes} bytes, this one has {bytes}");
                failed.Add(new UnsentMessage(index, "InvalidLength", why) { IsFinal = true });
                continue;
            }

            if (batches.Count == 0 || batches[^1].Count == MostEntries || bytesInLast + bytes > MostBytes)
            {
                batches.Add([]);
                bytesInLast = 0;
            }

            batches[^1].Add(index);
            bytesInLast += bytes;
        }

        return batches;
    }

    async Task<IEnumerable<UnsentMessage>> CallAsync(string queueUrl, IReadOnlyList<string> bodies, List<int> batch, CancellationToken ct)
    {
        var reply = await sqs.SendMessageBatchAsync(
            new SendMessageBatchRequest
            {
                QueueUrl = queueUrl,
                Entries = [.. batch.Select(index => new SendMessageBatchRequestEntry(index.ToString(CultureInfo.InvariantCulture), bodies[index]))],
            },
            ct);
        return (reply.Failed ?? []).Select(
            entry => new UnsentMessage(int.Parse(entry.Id, CultureInfo.InvariantCulture), entry.Code, entry.Message) { IsFinal = entry.SenderFault ?? false });
    }
}

/// <param name="Index">Its place in what was to be sent; the first is 0.</param>
/// <param name="Code">Of SQS, such as <c>InternalError</c>, or of what failed on the way to it.</param>
public sealed record UnsentMessage(int Index, string Code, string? Why)
{
    /// <summary>Sending it again at once would be in vain.</summary>
    public bool IsFinal { get; init; }
}

/// <summary>Some messages did not get into a queue. Names none of their content.</summary>
public sealed class MessagesNotSentException(string queueUrl, int all, IReadOnlyList<UnsentMessage> unsent) : Exception(string.Create(
    CultureInfo.InvariantCulture,
    $"{unsent.Count} of {all} messages were not taken by {queueUrl}: {string.Join("; ", unsent.Take(3).Select(message => $"number {message.Index}, {message.Code}: {message.Why}"))}"))
{
    /// <summary>In the order they were to be sent.</summary>
    public IReadOnlyList<UnsentMessage> Unsent { get; } = unsent;
}
