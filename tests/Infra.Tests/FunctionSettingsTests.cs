using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Tests;

/// <summary>The settings that the stack passes to the functions match those that the functions read.</summary>
[Collection(nameof(Stacks))]
public sealed class FunctionSettingsTests(Stacks stacks)
{
    // For the data plane on EKS, which is not implemented yet.
    static readonly string[] NotReadYet = ["CONTROLPLANE_CACHE", "CONTROLPLANE_CACHE_SECRET", "CONTROLPLANE_SHARED_MODELS_ACCESS_POINT"];

    // Not set by the stack: keys of secrets, settings that the program sets itself, and settings that an operator may add.
    static readonly string[] NotSetByStack =
    [
        "CONTROLPLANE_SECRETS_KEY", "CONTROLPLANE_SMTP", "CONTROLPLANE_ORIGIN_TOKEN", "CONTROLPLANE_ORIGIN_TOKEN_PREVIOUS", "CONTROLPLANE_DATA",
    ];

    [Fact]
    public async Task Functions_read_every_setting_that_the_stack_sets()
    {
        var read = NamesIn("functions/Lambda", "src");
        Assert.Equal(NotReadYet, (await SetByStackAsync()).Except(read).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_AWS_specific_setting_is_set()
    {
        var set = await SetByStackAsync();
        Assert.Equal(NotSetByStack.Order(StringComparer.Ordinal), NamesIn("functions/Lambda", "src/Aws").Except(set).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_secrets_have_the_keys_that_the_functions_read()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.Equal(["CONTROLPLANE_OPERATOR_KEY", "CONTROLPLANE_SECRETS_KEY"], Keys("secrets-platform"));
        Assert.Equal(["token"], Keys("secrets-origin"));
        Assert.Equal(["dbname", "engine", "password", "username"], Keys("secrets-database-owner"));
        Assert.Equal(["CONTROLPLANE_SMTP"], Keys("mail"));
        Assert.Empty(Keys("secrets-platform").Concat(Keys("mail")).Except(NamesIn("functions", "src")));

        IEnumerable<string> Keys(string secret) =>
            deployed.Get("aws:secretsmanager/secretVersion:SecretVersion", secret).Json("secretString").EnumerateObject().Select(key => key.Name).Order(StringComparer.Ordinal);
    }

    async Task<HashSet<string>> SetByStackAsync() =>
    [
        .. (await stacks.GetAsync("prod")).OfType("aws:lambda/function:Function")
            .SelectMany(function => ((IReadOnlyDictionary<string, object?>)function["environment.variables"]!).Keys),
    ];

    // Only complete string literals, because messages name settings, too.
    static HashSet<string> NamesIn(params string[] folders) =>
    [
        .. from folder in folders
           from file in Directory.EnumerateFiles(Path.Combine(StackFile.Root, folder), "*.cs", SearchOption.AllDirectories)
           where !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
           from Match name in Regex.Matches(File.ReadAllText(file), "\"(CONTROLPLANE_[A-Z_]+)\"")
           select name.Groups[1].Value,
    ];
}
