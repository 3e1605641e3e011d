using System.Text.Json.Serialization;
using Amazon.Lambda.SQSEvents;

namespace ControlPlane.Lambda.Work;

/// <summary>What starts work: a schedule, which names a job, or messages of a queue.</summary>
sealed class WorkEvent : SQSEvent
{
    /// <summary>Of <see cref="JobSchedules"/>; null for messages.</summary>
    public string? Job { get; init; }
}

/// <summary>What became of a job, for the log of whoever called it.</summary>
/// <param name="Outcome"><c>succeeded</c> or <c>already_running</c>.</param>
sealed record JobAnswer(
    [property: JsonPropertyName("job")] string Job, [property: JsonPropertyName("outcome")] string Outcome,
    [property: JsonPropertyName("counts")] IReadOnlyDictionary<string, long>? Counts = null, [property: JsonPropertyName("alerts")] IReadOnlyList<string>? Alerts = null);

/// <summary>A job failed, or was stopped. Lambda counts it as an error of the function, tries it again and then sets the call aside.</summary>
public sealed class JobFailedException(string message) : Exception(message);
