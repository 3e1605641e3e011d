using System.Globalization;
using System.Text;
using Amazon.SQS;
using Amazon.SQS.Model;

namespace ControlPlane.Aws;

/// <summary>
/// Sends messages to SQS queues, in as few calls as the service's limits allow, and retries those that SQS rejects temporarily. A message can arrive
/// twice if a response was lost: receivers must be idempotent, as with every standard queue.
/// </summary>
public sealed class QueueSender(IAmazonSQS sqs, TimeProvider clock)
{
    /// <summary>Messages per call.</summary>
    public const int MaxEntries = 10;

    /// <summary>UTF-8 bytes of a message, and of all messages in one call: what every queue accepts. A queue can be configured for up to 1 MiB.</summary>
    public const int MaxBytes = 262_144;

    const int MaxAttempts = 4;

    // An attempt returns how many messages are worth another one.
    readonly ResiliencePipeline _retry = Retry.Create(MaxAttempts, attempt => attempt.Result is > 0, clock);

    /// <param name="bodies">SQS accepts no control characters other than tab and line breaks.</param>
    /// <exception cref="MessagesNotSentException">Some messages were not sent, and it names them. The others are in the queue.</exception>
    public async Task SendAsync(string queueUrl, IReadOnlyList<string> bodies, CancellationToken ct)
    {
        var unsent = new List<UnsentMessage>();
        List<UnsentMessage> retryable = [];
        List<int> pending = [.. Enumerable.Range(0, bodies.Count)];
        await _retry.ExecuteAsync(
            async token =>
            {
                var failed = await TrySendAsync(queueUrl, bodies, pending, token);
                unsent.AddRange(failed.Where(message => message.IsFinal));
                retryable = [.. failed.Where(message => !message.IsFinal)];
                pending = [.. retryable.Select(message => message.Index)];
                return pending.Count;
            },
            ct);
        unsent.AddRange(retryable);
        if (unsent.Count > 0)
        {
            throw new MessagesNotSentException(queueUrl, bodies.Count, [.. unsent.OrderBy(message => message.Index)]);
        }
    }

    /// <param name="pending">Indexes of the bodies to send.</param>
    /// <returns>The messages that were not sent.</returns>
    async Task<List<UnsentMessage>> TrySendAsync(string queueUrl, IReadOnlyList<string> bodies, List<int> pending, CancellationToken ct)
    {
        var failed = new List<UnsentMessage>();
        var batches = CreateBatches(bodies, pending, failed);
        for (var i = 0; i < batches.Count; i++)
        {
            try
            {
                failed.AddRange(await SendBatchAsync(queueUrl, bodies, batches[i], ct));
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                // The SDK has retried what is worth retrying. The caller has to know which messages are not in the queue.
                failed.AddRange(batches[i..].SelectMany(batch => batch).Select(index => new UnsentMessage(index, e.GetType().Name, e.Message) { IsFinal = true }));
                break;
            }
        }

        return failed;
    }

    static List<List<int>> CreateBatches(IReadOnlyList<string> bodies, List<int> pending, List<UnsentMessage> failed)
    {
        var batches = new List<List<int>>();
        var bytesInLast = 0;
        foreach (var index in pending)
        {
            var bytes = Encoding.UTF8.GetByteCount(bodies[index]);
            if (bytes is 0 or > MaxBytes)
            {
                var reason = string.Create(CultureInfo.InvariantCulture, $"a message must have 1 to {MaxBytes} bytes, this one has {bytes}");
                failed.Add(new UnsentMessage(index, "InvalidLength", reason) { IsFinal = true });
                continue;
            }

            if (batches.Count == 0 || batches[^1].Count == MaxEntries || bytesInLast + bytes > MaxBytes)
            {
                batches.Add([]);
                bytesInLast = 0;
            }

            batches[^1].Add(index);
            bytesInLast += bytes;
        }

        return batches;
    }

    async Task<IEnumerable<UnsentMessage>> SendBatchAsync(string queueUrl, IReadOnlyList<string> bodies, List<int> batch, CancellationToken ct)
    {
        var response = await sqs.SendMessageBatchAsync(
            new SendMessageBatchRequest
            {
                QueueUrl = queueUrl,
                Entries = [.. batch.Select(index => new SendMessageBatchRequestEntry(index.ToString(CultureInfo.InvariantCulture), bodies[index]))],
            },
            ct);
        return (response.Failed ?? []).Select(
            entry => new UnsentMessage(int.Parse(entry.Id, CultureInfo.InvariantCulture), entry.Code, entry.Message) { IsFinal = entry.SenderFault ?? false });
    }
}

/// <param name="Index">Zero-based, in the list to send.</param>
/// <param name="Code">SQS's error code, such as <c>InternalError</c>, or the type of the exception.</param>
public sealed record UnsentMessage(int Index, string Code, string? Reason)
{
    /// <summary>An immediate retry would fail again.</summary>
    public bool IsFinal { get; init; }
}

/// <summary>Some messages could not be sent to a queue. The text contains none of their content.</summary>
public sealed class MessagesNotSentException(string queueUrl, int all, IReadOnlyList<UnsentMessage> unsent) : Exception(string.Create(
    CultureInfo.InvariantCulture,
    $"{unsent.Count} of {all} messages could not be sent to {queueUrl}: {string.Join("; ", unsent.Take(3).Select(message => $"message {message.Index}, {message.Code}: {message.Reason}"))}"))
{
    /// <summary>In the order of the list to send.</summary>
    public IReadOnlyList<UnsentMessage> Unsent { get; } = unsent;
}
