using ControlPlane.Operations;
using ControlPlane.Provisioning;

namespace ControlPlane.Http;

/// <summary>Every job, defined once. All hosts schedule from this list.</summary>
public sealed class Jobs(RunProvisioning provision)
{
    public IReadOnlyList<JobDefinition> All { get; } =
    [
        new("provision", "* * * * *", "Brings environments into the state that was asked for.", DrainsQueue: true, provision.RunAsync),
    ];

    /// <returns>null when there is no such job.</returns>
    public JobDefinition? Find(string name) => All.FirstOrDefault(job => job.Name == name);
}
