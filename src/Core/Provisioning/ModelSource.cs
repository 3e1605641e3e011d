using System.Text.RegularExpressions;

namespace ControlPlane.Provisioning;

/// <summary>
/// The names of a tenant's own weights and of what they are downloaded from. A source is a name in Ollama's library (<c>qwen3:8b</c>, <c>user/model:tag</c>) or
/// a repository of Hugging Face (<c>hf.co/organization/repository:quantization</c>): nothing that names another server, a path, or an option of a command.
/// </summary>
public static partial class ModelSource
{
    public const string Prefix = "own/";

    /// <param name="name">Of a model, as clients name it.</param>
    public static bool IsOwn(string name) => name.StartsWith(Prefix, StringComparison.Ordinal);

    /// <returns>null for a valid name, without <see cref="Prefix"/>.</returns>
    public static string? ValidateName(string? name) => name is not null && Name().IsMatch(name)
        ? null
        : "Enter a name of 1 to 40 lower-case letters, digits, dots, hyphens and underscores that begins and ends with a letter or digit, such as support-bot.";

    /// <returns>null for a valid source.</returns>
    public static string? Validate(string? source) => source is null || source.Contains("..", StringComparison.Ordinal) || !(Library().IsMatch(source) || HuggingFace().IsMatch(source))
        ? "Enter a name in Ollama's library, such as qwen3:8b, or a repository of Hugging Face with GGUF files, such as hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M."
        : source.EndsWith("cloud", StringComparison.OrdinalIgnoreCase)
            ? "This model runs on Ollama's servers, not in your environment: enter one that can be downloaded."
            : null;

    /// <summary>Whether both are the same model of Ollama, which adds the tag <c>latest</c>.</summary>
    public static bool IsSame(string source, string other) => string.Equals(WithTag(source), WithTag(other), StringComparison.OrdinalIgnoreCase);

    static string WithTag(string source) => source[(source.LastIndexOf('/') + 1)..].Contains(':', StringComparison.Ordinal) ? source : $"{source}:latest";

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?\z")]
    private static partial Regex Name();

    // A namespace without a dot, so that it is no server.
    [GeneratedRegex(@"^([a-zA-Z0-9][a-zA-Z0-9_-]{0,63}/)?[a-zA-Z0-9][a-zA-Z0-9._-]{0,79}(:[a-zA-Z0-9][a-zA-Z0-9._-]{0,79})?\z")]
    private static partial Regex Library();

    [GeneratedRegex(@"^hf\.co/[a-zA-Z0-9][a-zA-Z0-9._-]{0,95}/[a-zA-Z0-9][a-zA-Z0-9._-]{0,95}(:[a-zA-Z0-9][a-zA-Z0-9._-]{0,79})?\z")]
    private static partial Regex HuggingFace();
}
