using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.DataPlane;

/// <summary>The files of one environment's Compose project, apart from its secrets.</summary>
/// <param name="Compose"><c>compose.yaml</c></param>
/// <param name="GatewayConfig"><c>litellm/config.yaml</c></param>
/// <param name="BudgetHook"><c>litellm/budget_hook.py</c></param>
public sealed record ComposeProject(string Compose, string GatewayConfig, string BudgetHook);

/// <summary>Renders a <see cref="TenantEnvironment"/> as a Compose project. The same environment gives the same bytes.</summary>
public static class ComposeRendering
{
    /// <summary>Project and network of a tenant have the same name.</summary>
    public static string ProjectOf(string slug) => $"tenant-{slug}";

    public static string NetworkOf(string slug) => ProjectOf(slug);

    /// <param name="modelStorage">Absolute path of the tenant's model folder.</param>
    public static ComposeProject Render(TenantEnvironment environment, DataPlaneOptions options, string modelStorage)
    {
        var config = LitellmConfig.Render(environment, options);
        var hook = Asset.Text("budget_hook.py");
        var services = new EnvironmentServices(environment, options);
        var file = new ComposeFile
        {
            Name = ProjectOf(environment.Slug),
            Services = new()
            {
                ["open-webui"] = services.OpenWebui(),
                ["litellm"] = services.Litellm(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(config + hook)))),
                ["redis"] = services.Redis(),
            },
            // Made apart from the project: the proxy is in it too, and a network with strangers in it could not be removed with the project.
            Networks = new() { ["tenant"] = new(NetworkOf(environment.Slug), External: true) },
            Volumes = new() { ["litellm-spool"] = new(), ["open-webui"] = new(), ["redis"] = new() },
        };
        if (LitellmConfig.HasDedicatedOllama(environment))
        {
            file.Services["ollama-dedicated"] = services.Ollama(modelStorage);
        }

        if (options.Qdrant)
        {
            file.Services["qdrant"] = EnvironmentServices.Qdrant();
            file.Volumes["qdrant"] = new();
        }

        return new ComposeProject($"{Header(environment)}{Yaml.Write(file)}", config, hook);
    }

    static string Header(TenantEnvironment environment) => $"""
        # Rendered by the control plane and overwritten by it. Secrets are in .env beside this file. To start it by hand:
        #   docker network create {NetworkOf(environment.Slug)}; docker compose up --detach --wait


        """.ReplaceLineEndings("\n");
}
