using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>What the proxy may route to, by the labels of a service: Open WebUI, and the paths of the gateway that are sold, after a check of keys.</summary>
static partial class RouteRules
{
    /// <returns>One sentence for each violation.</returns>
    public static IEnumerable<string> Violations(string service, Dictionary<object, object> labels)
    {
        foreach (var (key, value) in labels.Select(label => ((string)label.Key, (string)label.Value)))
        {
            if (!key.StartsWith("traefik.", StringComparison.Ordinal) || service == "open-webui")
            {
                continue;
            }

            if (service != "litellm")
            {
                yield return $"is reached from the internet: {key}";
            }
            else if (Router().Match(key) is { Success: true } router)
            {
                if (!SoldPaths().IsMatch(value))
                {
                    yield return $"is reached from the internet at {value}";
                }

                if (!ChecksKeys(labels, router.Groups[1].Value))
                {
                    yield return "is reached from the internet without a check of keys";
                }
            }
        }
    }

    // First the control plane says whose key it is, which replaces all headers of the caller but those of the body; then the gateway's own key is added.
    static bool ChecksKeys(Dictionary<object, object> labels, string name) =>
        labels.GetValueOrDefault($"traefik.http.routers.{name}.middlewares") is string chain && chain == $"{name}-rate,{name}-key,{name}-identity"
        && labels.GetValueOrDefault($"traefik.http.middlewares.{name}-key.forwardauth.address") is string address && address.Contains("/v1/chat-keys/", StringComparison.Ordinal)
        && labels.GetValueOrDefault($"traefik.http.middlewares.{name}-key.forwardauth.authresponseheadersregex") is "^([^AC]|A[^c]|C[^ao]|Co[^n]|Con[^t])"
        && labels.GetValueOrDefault($"traefik.http.middlewares.{name}-identity.headers.customrequestheaders.Authorization") is "Bearer ${LITELLM_VIRTUAL_KEY}";

    [GeneratedRegex(@"^traefik\.http\.routers\.([^.]+)\.rule$")]
    private static partial Regex Router();

    [GeneratedRegex(@"^Host\(`api\.[a-z0-9.-]+`\) && \((Path\(`/v1/(chat/completions|completions|embeddings|images/generations|models)`\)( \|\| )?)+\)$")]
    private static partial Regex SoldPaths();
}
