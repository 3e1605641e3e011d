using ControlPlane.Operations;

namespace ControlPlane.Http;

/// <summary>Every job, defined once. All hosts schedule from this list.</summary>
public sealed class Jobs
{
    public IReadOnlyList<JobDefinition> All { get; } = [];

    /// <returns>null when there is no such job.</returns>
    public JobDefinition? Find(string name) => All.FirstOrDefault(job => job.Name == name);
}
