using System.Text;

namespace ControlPlane.DataPlane;

/// <summary>The folder <c>{data}/environments/{slug}</c> with a tenant's Compose project. Each file is replaced whole or not at all.</summary>
public sealed class ProjectFolder(ControlPlaneOptions options, DataPlaneOptions dataPlane)
{
    public string PathOf(string slug) => Path.Combine(options.DataDirectory, "environments", slug);

    public string ComposeFileOf(string slug) => Path.Combine(PathOf(slug), "compose.yaml");

    public string VariablesOf(string slug) => Path.Combine(PathOf(slug), ".env");

    public async Task WriteAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct)
    {
        var project = ComposeRendering.Render(environment, dataPlane, ModelFolders.PathOf(options, environment.Slug));
        var folder = PathOf(environment.Slug);
        Directory.CreateDirectory(Path.Combine(folder, "litellm"));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        await ReplaceAsync(Path.Combine(folder, "litellm", "config.yaml"), project.GatewayConfig, UnixFileMode.GroupRead | UnixFileMode.OtherRead, ct);
        await ReplaceAsync(Path.Combine(folder, "litellm", "budget_hook.py"), project.BudgetHook, UnixFileMode.GroupRead | UnixFileMode.OtherRead, ct);
        await ReplaceAsync(VariablesOf(environment.Slug), Variables(environment, secrets), UnixFileMode.None, ct);
        await ReplaceAsync(ComposeFileOf(environment.Slug), project.Compose, UnixFileMode.None, ct);
    }

    public void Remove(string slug)
    {
        if (Directory.Exists(PathOf(slug)))
        {
            Directory.Delete(PathOf(slug), recursive: true);
        }
    }

    /// <summary>Providers of the tenant's models that this installation has no key for.</summary>
    public IReadOnlyList<string> ProvidersWithoutKey(TenantEnvironment environment) =>
        [.. Providers(environment).Where(provider => !dataPlane.ProviderKeys.ContainsKey(provider))];

    /// <summary>What a command wrote, fit to be shown: should it have repeated one of the project's secrets, that is blacked out.</summary>
    public string WithoutSecrets(string slug, string text)
    {
        if (!File.Exists(VariablesOf(slug)))
        {
            return text;
        }

        var values = File.ReadLines(VariablesOf(slug)).Select(line => line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim('\''));
        return values.Where(value => value.Length >= 8).Aggregate(text, (shown, value) => shown.Replace(value, "***", StringComparison.Ordinal));
    }

    /// <summary>The <c>.env</c> file. In single quotes Compose takes everything as it stands.</summary>
    string Variables(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets)
    {
        var lines = secrets.OrderBy(secret => secret.Key, StringComparer.Ordinal).Select(secret => (Name: secret.Key.ToUpperInvariant(), secret.Value))
            .Concat(Providers(environment).Select(
                provider => (Name: DataPlaneOptions.ProviderVariable(provider), Value: dataPlane.ProviderKeys.GetValueOrDefault(provider, ""))));
        var text = new StringBuilder();
        foreach (var (name, value) in lines)
        {
            text.Append(name).Append("='").Append(value.Replace("'", "\\'", StringComparison.Ordinal)).Append("'\n");
        }

        return text.ToString();
    }

    static IEnumerable<string> Providers(TenantEnvironment environment) =>
        environment.Models.Where(model => !model.IsLocal).Select(model => model.Provider).Distinct().Order(StringComparer.Ordinal);

    static async Task ReplaceAsync(string path, string content, UnixFileMode others, CancellationToken ct)
    {
        var unfinished = $"{path}.new";
        var file = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            file.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | others;
        }

        // What a killed run left there may have other rights.
        File.Delete(unfinished);
        await using (var stream = new FileStream(unfinished, file))
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(content), ct);
            stream.Flush(flushToDisk: true);
        }

        File.Move(unfinished, path, overwrite: true);
    }
}
