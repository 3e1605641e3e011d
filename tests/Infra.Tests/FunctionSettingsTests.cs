using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Tests;

/// <summary>What the stack tells the functions is what they read: names of settings are a contract that no compiler checks.</summary>
[Collection(nameof(Stacks))]
public sealed class FunctionSettingsTests(Stacks stacks)
{
    // For the data plane of EKS, which no release has yet.
    static readonly string[] s_awaited = ["CONTROLPLANE_CACHE", "CONTROLPLANE_CACHE_SECRET", "CONTROLPLANE_SHARED_MODELS_ACCESS_POINT"];

    // Not the stack's: what lies in the secrets that it names, what the program sets for itself, and what an operator may add.
    static readonly string[] s_fromElsewhere =
    [
        "CONTROLPLANE_SECRETS_KEY", "CONTROLPLANE_SMTP", "CONTROLPLANE_ORIGIN_TOKEN", "CONTROLPLANE_ORIGIN_TOKEN_PREVIOUS", "CONTROLPLANE_DATA",
    ];

    [Fact]
    public async Task Every_setting_of_the_functions_is_one_that_they_read()
    {
        var read = Names("functions/Lambda", "src");
        Assert.Equal(s_awaited, (await Set()).Except(read).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_setting_that_only_AWS_has_is_set()
    {
        var set = await Set();
        Assert.Equal(s_fromElsewhere.Order(StringComparer.Ordinal), Names("functions/Lambda", "src/Aws").Except(set).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_secrets_have_the_keys_that_are_read()
    {
        var world = await stacks.GetAsync("prod");
        Assert.Equal(["CONTROLPLANE_OPERATOR_KEY", "CONTROLPLANE_SECRETS_KEY"], Keys("secrets-platform"));
        Assert.Equal(["token"], Keys("secrets-origin"));
        Assert.Equal(["dbname", "engine", "password", "username"], Keys("secrets-database-owner"));
        Assert.Equal(["CONTROLPLANE_SMTP"], Keys("mail"));
        Assert.Empty(Keys("secrets-platform").Concat(Keys("mail")).Except(Names("functions", "src")));

        IEnumerable<string> Keys(string secret) =>
            world.One("aws:secretsmanager/secretVersion:SecretVersion", secret).Json("secretString").EnumerateObject().Select(key => key.Name).Order(StringComparer.Ordinal);
    }

    async Task<HashSet<string>> Set() =>
    [
        .. (await stacks.GetAsync("prod")).Of("aws:lambda/function:Function")
            .SelectMany(function => ((IReadOnlyDictionary<string, object?>)function["environment.variables"]!).Keys),
    ];

    // Whole literals only: a message may name a setting, too.
    static HashSet<string> Names(params string[] folders) =>
    [
        .. from folder in folders
           from file in Directory.EnumerateFiles(Path.Combine(StackFile.Root, folder), "*.cs", SearchOption.AllDirectories)
           where !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
           from Match name in Regex.Matches(File.ReadAllText(file), "\"(CONTROLPLANE_[A-Z_]+)\"")
           select name.Groups[1].Value,
    ];
}
