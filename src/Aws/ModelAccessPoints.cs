namespace ControlPlane.Aws;

/// <summary>A tenant's view of the file system; infra's <c>AccessPointPlan</c>.</summary>
/// <param name="Path">Contains <c>{tenant_id}</c>, which no other tenant ever has, unlike a slug.</param>
/// <param name="Uid">Clients that mount the access point act as this user.</param>
/// <param name="Permissions">Of the directory when it is created, octal: <c>0750</c>.</param>
sealed record AccessPointTemplate(string Path, int Uid, int Gid, string Permissions)
{
    public const string TenantId = "{tenant_id}";
}

/// <summary>Model storage on EFS: one access point per tenant, which exposes one directory as the root of the file system.</summary>
/// <remarks>
/// Deleting an access point leaves the directory's files: only a client that mounts it can delete them, which the data plane does when it removes
/// the workloads with their data.
/// </remarks>
sealed class ModelAccessPoints(
    ElasticFileSystem efs, string fileSystem, AccessPointTemplate template, IReadOnlyDictionary<string, string> tags, TimeProvider clock) : IModelStorage
{
    /// <summary>An access point is usually available within seconds.</summary>
    const int MaxPolls = 30;

    static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    /// <returns>The volume handle of the EFS driver of Kubernetes: <c>fs-…::fsap-…</c>.</returns>
    public async Task<string> CreateAsync(TenantEnvironment environment, CancellationToken ct)
    {
        for (var poll = 1; ; poll++)
        {
            var point = await CreateOrFindAsync(environment, ct);
            switch (point?.LifeCycleState)
            {
                case "available":
                    return $"{fileSystem}::{point.AccessPointId}";
                case "error":
                    throw new StepFailedException($"EFS could not create the access point {point.AccessPointId} of {fileSystem}: delete it, then retry.");
                case var state when poll == MaxPolls:
                    throw new StepFailedException($"The tenant's access point of {fileSystem} is still {state ?? "being deleted"} after {MaxPolls} s.");
            }

            await Task.Delay(PollInterval, clock, ct);
        }
    }

    public async Task<string> RemoveAsync(TenantEnvironment environment, CancellationToken ct)
    {
        string? next = null;
        do
        {
            var page = await efs.DescribeAsync($"FileSystemId={fileSystem}&MaxResults=1000{(next is null ? "" : $"&NextToken={Uri.EscapeDataString(next)}")}", ct);
            foreach (var point in page.AccessPoints)
            {
                if (point.ClientToken == ClientToken(environment))
                {
                    await DeleteAsync(point.AccessPointId, ct);
                    return "removed";
                }
            }

            next = page.NextToken;
        }
        while (next is not null);

        return "removed";
    }

    static string ClientToken(TenantEnvironment environment) => environment.Tenant.ToString();

    /// <returns>null if the existing access point was deleted meanwhile.</returns>
    async Task<AccessPoint?> CreateOrFindAsync(TenantEnvironment environment, CancellationToken ct)
    {
        try
        {
            return await efs.CreateAsync(
                new NewAccessPoint(
                    ClientToken(environment),
                    fileSystem,
                    new PosixUser(template.Uid, template.Gid),
                    new RootDirectory(
                        template.Path.Replace(AccessPointTemplate.TenantId, environment.Tenant.ToString(), StringComparison.Ordinal), new CreationInfo(template.Uid, template.Gid, template.Permissions)),
                    [.. tags.Append(new("Name", environment.Slug)).Append(new("TenantId", environment.Tenant.ToString())).Select(tag => new EfsTag(tag.Key, tag.Value))]),
                ct);
        }
        catch (ElasticFileSystemException e) when (e is { Code: "AccessPointAlreadyExists", AccessPointId: { } id })
        {
            return await FindAsync(id, ct);
        }
        catch (ElasticFileSystemException e) when (e.Code == "AccessPointLimitExceeded")
        {
            throw new StepFailedException(
                $"{fileSystem} has as many access points as EFS allows (10,000, unless AWS has raised the quota): delete those that no tenant uses, or have the quota raised, then retry.", e);
        }
    }

    async Task<AccessPoint?> FindAsync(string id, CancellationToken ct)
    {
        try
        {
            return (await efs.DescribeAsync($"AccessPointId={id}", ct)).AccessPoints is [var point, ..] ? point : null;
        }
        catch (ElasticFileSystemException e) when (e.Code == "AccessPointNotFound")
        {
            return null;
        }
    }

    async Task DeleteAsync(string id, CancellationToken ct)
    {
        try
        {
            await efs.DeleteAsync(id, ct);
        }
        catch (ElasticFileSystemException e) when (e.Code == "AccessPointNotFound")
        {
            // Another attempt has deleted it.
        }
    }
}
