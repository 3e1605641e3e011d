using System.Text;

namespace ControlPlane.DataPlane.Compose;

/// <summary>The folder <c>{data}/environments/{name}</c> with a tenant's Compose project. Files are replaced atomically.</summary>
public sealed class ProjectFolder(ControlPlaneOptions options, DataPlaneOptions dataPlane)
{
    public string DataDirectory => options.DataDirectory;

    public string PathOf(string name) => Path.Combine(options.DataDirectory, "environments", name);

    /// <summary>The folder with the models of a dedicated Ollama.</summary>
    public string ModelsOf(string name) => ModelFolders.PathOf(options, name);

    /// <summary>The folder with the last copy of a deleted environment.</summary>
    public string BackupOf(Guid tenant) => Path.Combine(options.DataDirectory, "closed", tenant.ToString());

    public string ComposeFilePath(string name) => Path.Combine(PathOf(name), "compose.yaml");

    public string SecretsFilePath(string name) => Path.Combine(PathOf(name), ".env");

    /// <summary>The docker command for the project, without what it is to do. The files are gone after an interrupted deletion; Compose then finds the project by its name.</summary>
    public string[] ComposeCommand(string name) =>
    [
        "compose", "--project-name", ComposeRendering.ProjectName(name),
        .. File.Exists(ComposeFilePath(name)) ? ["--file", ComposeFilePath(name), "--env-file", SecretsFilePath(name)] : Array.Empty<string>(),
    ];

    /// <param name="engineCpus"><see cref="DataPlaneOptions.EngineCpus"/></param>
    public async Task WriteAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, int? engineCpus, CancellationToken ct)
    {
        var project = ComposeRendering.Render(environment, dataPlane with { EngineCpus = engineCpus }, ModelsOf(environment.Name));
        var folder = PathOf(environment.Name);
        Directory.CreateDirectory(Path.Combine(folder, "litellm"));
        Directory.CreateDirectory(Path.Combine(folder, "database"));
        Directory.CreateDirectory(Path.Combine(folder, "egress"));
        Directory.CreateDirectory(Path.Combine(folder, "weights"));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        await ReplaceAsync(Path.Combine(folder, "litellm", "config.yaml"), project.GatewayConfig, UnixFileMode.GroupRead | UnixFileMode.OtherRead, ct);
        await ReplaceAsync(Path.Combine(folder, "litellm", "budget_hook.py"), project.BudgetHook, UnixFileMode.GroupRead | UnixFileMode.OtherRead, ct);
        await ReplaceAsync(Path.Combine(folder, "database", "start.sh"), project.DatabaseStart, UnixFileMode.GroupRead | UnixFileMode.OtherRead, ct);
        await ReplaceAsync(Path.Combine(folder, "database", "logins.sql"), project.DatabaseLogins, UnixFileMode.GroupRead | UnixFileMode.OtherRead, ct);
        await ReplaceAsync(Path.Combine(folder, "weights", "pull.sh"), project.WeightsPull, UnixFileMode.GroupRead | UnixFileMode.OtherRead, ct);
        foreach (var (file, text) in ((string, string?)[])[("open-webui.conf", project.Egress), ("gateway.conf", project.GatewayEgress), ("weights.conf", project.WeightsEgress)])
        {
            var path = Path.Combine(folder, "egress", file);
            if (text is null)
            {
                File.Delete(path);
            }
            else
            {
                await ReplaceAsync(path, text, UnixFileMode.GroupRead | UnixFileMode.OtherRead, ct);
            }
        }

        await ReplaceAsync(SecretsFilePath(environment.Name), RenderSecrets(environment, secrets), UnixFileMode.None, ct);
        await ReplaceAsync(ComposeFilePath(environment.Name), project.Compose, UnixFileMode.None, ct);
    }

    public void Remove(string name)
    {
        if (Directory.Exists(PathOf(name)))
        {
            Directory.Delete(PathOf(name), recursive: true);
        }
    }

    /// <summary>Providers of the tenant's models for which this installation has no API key.</summary>
    public IReadOnlyList<string> ProvidersWithoutKey(TenantEnvironment environment) =>
        [.. Providers(environment).Where(provider => !dataPlane.ProviderKeys.ContainsKey(provider))];

    /// <summary>Replaces the project's secrets in a command's output with <c>***</c>.</summary>
    public string RedactSecrets(string name, string text)
    {
        if (!File.Exists(SecretsFilePath(name)))
        {
            return text;
        }

        var values = File.ReadLines(SecretsFilePath(name)).Select(line => line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim('\''));
        return values.Where(value => value.Length >= 8).Aggregate(text, (redacted, value) => redacted.Replace(value, "***", StringComparison.Ordinal));
    }

    /// <summary>Content of the <c>.env</c> file. Compose expands nothing within single quotes.</summary>
    string RenderSecrets(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets)
    {
        var lines = secrets.OrderBy(secret => secret.Key, StringComparer.Ordinal).Select(secret => (Name: secret.Key.ToUpperInvariant(), secret.Value))
            .Concat(Providers(environment).Select(
                provider => (Name: DataPlaneOptions.ProviderVariable(provider), Value: dataPlane.ProviderKeys.GetValueOrDefault(provider, ""))))
            .Concat(dataPlane.SellsWebSearch(environment.Plan) ? [(SearchKeys.Variable, SearchKeys.Of(environment.Tenant, dataPlane.SearchKey))] : Array.Empty<(string, string)>());
        var text = new StringBuilder();
        foreach (var (name, value) in lines)
        {
            text.Append(name).Append("='").Append(value.Replace("'", "\\'", StringComparison.Ordinal)).Append("'\n");
        }

        return text.ToString();
    }

    IEnumerable<string> Providers(TenantEnvironment environment) => dataPlane.Offered(environment)
        .Where(model => !model.IsLocal).SelectMany(model => model.Routes).Select(route => route.Provider).Distinct().Order(StringComparer.Ordinal);

    static async Task ReplaceAsync(string path, string content, UnixFileMode otherPermissions, CancellationToken ct)
    {
        var temporary = $"{path}.new";
        var file = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            file.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | otherPermissions;
        }

        // A file left by a killed run may have other permissions.
        File.Delete(temporary);
        await using (var stream = new FileStream(temporary, file))
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(content), ct);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }
}
