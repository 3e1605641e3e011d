namespace ControlPlane.Infra.Tests;

public sealed class SettingsTests
{
    [Theory]
    [InlineData("dev", "controlplane:topology", "vm", "controlplane:topology is \"vm\"", "one of vps, eks")]
    [InlineData("dev", "controlplane:topology", null, "controlplane:topology is not set", "one of vps, eks")]
    [InlineData("dev", "controlplane:domain", "https://example.com", "controlplane:domain is", "a domain name in lower case, e.g. llm.example.com")]
    [InlineData("dev", "controlplane:owner", null, "controlplane:owner is not set", "pulumi config set controlplane:owner")]
    [InlineData("dev", "controlplane:protect", "yes", "controlplane:protect is \"yes\"", "one of true, false")]
    [InlineData("dev", "aws:region", "Frankfurt", "aws:region is \"Frankfurt\"", "eu-central-1")]
    [InlineData("dev", "vps:host", "example.com", "vps:host is", "an IPv4 address, e.g. 192.0.2.10")]
    [InlineData("dev", "vps:host", "192.0.2.10", "Only one of vps:host and vps:hostRegion is set", "both, or neither")]
    [InlineData("dev", "vps:hostRegion", "Berlin", "vps:hostRegion is \"Berlin\"", "e.g. berlin-1")]
    [InlineData("dev", "vps:sshFrom", "[\"0.0.0.0/0\"]", "vps:sshFrom is", "0.0.0.0/0 is not allowed")]
    [InlineData("dev", "vps:sshFrom", "198.51.100.7", "vps:sshFrom is", "a list of IPv4 ranges")]
    [InlineData("dev", "vps:vpnRanges", "[\"198.51.100.0/24\"]", "vps:vpnRanges is", "private IPv4 ranges")]
    [InlineData("dev", "vps:release", "latest", "vps:release is \"latest\"", "e.g. 1.4.2")]
    [InlineData("dev", "vps:releaseSha256", null, "vps:releaseSha256 is not set", "64 hexadecimal digits")]
    [InlineData("dev", "vps:releaseBaseUrl", "http://example.com", "vps:releaseBaseUrl is", "an https URL")]
    [InlineData("dev", "vps:dataGib", "10", "vps:dataGib is \"10\"", "a whole number from 50 to 16384")]
    [InlineData("dev", "vps:sshPublicKey", "hunter2", "vps:sshPublicKey is", "ssh-ed25519")]
    [InlineData("prod", "network:cidr", "10.20.0.0/20", "network:cidr is", "a private IPv4 range of /16")]
    [InlineData("prod", "network:cidr", "11.20.0.0/16", "network:cidr is", "a private IPv4 range of /16")]
    [InlineData("prod", "network:endpoints", "[\"s4\"]", "network:endpoints is", "secretsmanager")]
    [InlineData("prod", "eks:version", "latest", "eks:version is \"latest\"", "e.g. 1.35")]
    [InlineData("prod", "eks:publicAccessFrom", "[\"0.0.0.0/0\"]", "eks:publicAccessFrom is", "0.0.0.0/0 is not allowed")]
    [InlineData("prod", "eks:adminRoles", null, "eks:adminRoles is not set", "arn:aws:iam::111122223333:role/platform-admin")]
    [InlineData("prod", "eks:adminRoles", "[]", "eks:adminRoles is", "ARNs of IAM roles")]
    [InlineData("prod", "eks:addOns", "{\"vpc-cni\":\"latest\"}", "eks:addOns is", "pinned version")]
    [InlineData("prod", "eks:addOns", "{\"vpc-cni\":\"v1.21.1-eksbuild.8\",\"coredns\":\"v1.14.3-eksbuild.2\"}", "eks:addOns does not contain kube-proxy, eks-pod-identity-agent", "any add-ons that include vpc-cni")]
    [InlineData("prod", "eks:addOns", "not json", "eks:addOns is", "pinned version")]
    [InlineData("prod", "eks:cpuMin", "9", "eks:cpuMin, eks:cpuDesired, eks:cpuMax are 9, 5, 50", "min <= desired <= max")]
    [InlineData("prod", "eks:gpuInstanceTypes", "[\"p3.2xlarge\"]", "eks:gpuInstanceTypes is", "g4dn, g5, g6")]
    [InlineData("prod", "eks:gpuOnDemandPercent", "130", "eks:gpuOnDemandPercent is \"130\"", "a whole number from 0 to 100")]
    [InlineData("prod", "data:databaseClass", "m7g.large", "data:databaseClass is \"m7g.large\"", "e.g. db.m7g.large")]
    [InlineData("prod", "data:cacheClass", "t4g", "data:cacheClass is \"t4g\"", "e.g. cache.t4g.medium")]
    [InlineData("prod", "functions:runtime", "dotnet8", "functions:runtime is \"dotnet8\"", "one of dotnet10, provided.al2023")]
    [InlineData("prod", "functions:runtime", "provided.al2023", "functions:warmStart is snapstart", "none or provisioned, or the runtime dotnet10")]
    [InlineData("prod", "functions:artifacts", "s3://bucket", "functions:artifacts is \"s3://bucket\"", "s3://bucket/prefix")]
    [InlineData("prod", "edge:oldestTls", "1.1", "edge:oldestTls is \"1.1\"", "one of 1.2, 1.3")]
    [InlineData("prod", "observability:alertMail", null, "observability:alertMail is not set", "a list of email addresses")]
    [InlineData("prod", "observability:auditLock", "none", "observability:auditLock is \"none\"", "one of GOVERNANCE, COMPLIANCE")]
    [InlineData("prod", "standby:promoted", "true", "standby:promoted is true", "only with controlplane:role standby")]
    [InlineData("prod", "standby:region", "us-east-1", "standby:region is \"us-east-1\", the stack's own region", "another region")]
    [InlineData("prod", "standby:primaryStack", "organization/controlplane/other", "standby:primaryStack is set", "only with controlplane:role standby")]
    [InlineData("dr", "standby:primaryStack", null, "standby:primaryStack is not set", "organization/project/stack")]
    public async Task An_invalid_setting_is_rejected_with_its_name_and_the_allowed_values(string stack, string key, string? value, string problem, string allowed)
    {
        var exception = await Assert.ThrowsAnyAsync<Exception>(() => StackSnapshot.BuildAsync(StackFile.Read(stack).With(key, value)));
        Assert.Contains(problem, exception.ToString(), StringComparison.Ordinal);
        Assert.Contains(allowed, exception.ToString(), StringComparison.Ordinal);
    }

    public static TheoryData<string> EverySetting => [.. Known("eks").Select(setting => setting.Key)];

    // Every setting is validated; the test above has realistic mistakes.
    [Theory]
    [MemberData(nameof(EverySetting))]
    public void Every_setting_is_validated(string key)
    {
        var file = StackFile.Read("prod").With(key, " ?");
        var exception = Assert.Throws<SettingsException>(() => Plan.Read(new Settings(known => known == "controlplane:owner" && known == key ? " " : file.Config.GetValueOrDefault(known))));
        var setting = Known("eks").Single(setting => setting.Key == key);
        Assert.Contains(exception.Problems, problem => problem.StartsWith($"{key} is \"", StringComparison.Ordinal) && problem.EndsWith($"{setting.Description} Allowed: {setting.Allowed}.", StringComparison.Ordinal));
    }

    [Fact]
    public void All_problems_are_reported_at_once()
    {
        var exception = Assert.Throws<SettingsException>(() => Plan.Read(new Settings(_ => null)));
        Assert.Equal(["aws:region", "controlplane:domain", "controlplane:owner", "controlplane:topology", "vps:release", "vps:releaseBaseUrl", "vps:releaseSha256"],
            exception.Problems.Select(problem => problem.Split(' ')[0]).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("dev")]
    [InlineData("prod")]
    [InlineData("dr")]
    public void Stack_files_contain_only_known_settings_each_with_a_comment(string name)
    {
        var file = StackFile.Read(name);
        var settings = new Settings(key => file.Config.GetValueOrDefault(key));
        Plan.Read(settings);
        Assert.Empty(file.Config.Keys.Except(settings.Known.Select(setting => setting.Key)));
        var lines = File.ReadAllLines(Path.Combine(StackFile.Root, $"Pulumi.{name}.yaml"));
        Assert.All(lines.Index().Where(line => line.Item.Length > 2 && line.Item.StartsWith("  ", StringComparison.Ordinal) && char.IsLetter(line.Item[2])),
            line => Assert.True(lines[line.Index - 1].TrimStart().StartsWith('#'), $"Pulumi.{name}.yaml line {line.Index + 1} has no comment"));
    }

    [Fact]
    public void The_deployment_page_lists_every_setting()
    {
        var (vps, eks) = (Known("vps"), Known("eks"));
        Assert.Equal(vps.Select(setting => setting.Key), eks.Select(setting => setting.Key));
        var table = string.Concat(vps.Zip(eks, (onVps, onEks) =>
            $"| `{onVps.Key}` | {onVps.Description} | {onVps.Allowed} | {Default(onVps.Default, onEks.Default)} |\n"));
        Golden.AssertSectionEqual(Path.Combine(StackFile.Root, "docs", "deploy.md"), "settings", "| setting | description | allowed | default |\n| --- | --- | --- | --- |\n" + table);
    }

    static IReadOnlyList<Setting> Known(string topology)
    {
        var settings = new Settings(key => key == "controlplane:topology" ? topology : null);
        Assert.Throws<SettingsException>(() => Plan.Read(settings));
        return settings.Known;
    }

    static string Default(string? onVps, string? onEks) => (onVps, onEks) switch
    {
        (null, null) => "required",
        (null, _) => "required for vps",
        (_, null) => "required for eks",
        ("", _) => "",
        _ => $"`{onVps}`",
    };
}
