using System.Text.Json.Serialization;
using Amazon.Lambda.SQSEvents;

namespace ControlPlane.Lambda.Work;

/// <summary>A scheduled job or queue messages.</summary>
sealed class WorkEvent : SQSEvent
{
    /// <summary>Name in <see cref="JobSchedules"/>; null for messages.</summary>
    public string? Job { get; init; }
}

/// <summary>The outcome of a job, for the caller's log.</summary>
/// <param name="Outcome"><c>succeeded</c> or <c>already_running</c>.</param>
sealed record JobResponse(
    [property: JsonPropertyName("job")] string Job, [property: JsonPropertyName("outcome")] string Outcome,
    [property: JsonPropertyName("counts")] IReadOnlyDictionary<string, long>? Counts = null, [property: JsonPropertyName("alerts")] IReadOnlyList<string>? Alerts = null);

/// <summary>A job failed or timed out. Lambda counts an error, retries the invocation and then sends it to the dead-letter queue.</summary>
public sealed class JobFailedException(string message) : Exception(message);
