using ControlPlane.Operations;
using ControlPlane.Signup;

namespace ControlPlane.Http;

/// <summary>Every job, defined once. All hosts schedule from this list.</summary>
public sealed class Jobs(PurgeExpiredSignups purgeExpiredSignups)
{
    public IReadOnlyList<JobDefinition> All { get; } =
    [
        new("retention", "30 3 * * *", "Deletes signups that nobody confirmed, and links and sessions that have run out.", false, purgeExpiredSignups.RunAsync),
    ];

    /// <returns>null when there is no such job.</returns>
    public JobDefinition? Find(string name) => All.FirstOrDefault(job => job.Name == name);
}
