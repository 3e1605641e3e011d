using System.Diagnostics;
using System.Text.RegularExpressions;
using YamlDotNet.Serialization;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class VpsTests(Stacks stacks)
{
    [Fact]
    public async Task The_firewall_allows_only_web_SSH_and_development_ports()
    {
        var deployed = await stacks.GetAsync("dev");
        var open = deployed.OfType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
            .Select(rule => $"{rule["cidrIpv4"]} to {rule["fromPort"]}-{rule["toPort"]}/{rule["ipProtocol"]}").Order(StringComparer.Ordinal);
        Assert.Equal(["0.0.0.0/0 to 443-443/tcp", "0.0.0.0/0 to 80-80/tcp", "10.0.0.0/8 to 3001-3001/tcp", "198.51.100.0/28 to 22-22/tcp"], open);
    }

    [Fact]
    public async Task Without_configured_ranges_port_22_is_closed()
    {
        var deployed = await StackSnapshot.BuildAsync(StackFile.Read("dev").With("vps:sshFrom", null));
        Assert.DoesNotContain(deployed.OfType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"), rule => Convert.ToInt32(rule["fromPort"], null) == 22);
    }

    [Fact]
    public async Task Snapshots_are_daily_and_kept_for_seven_days()
    {
        var schedule = Assert.Single((await stacks.GetAsync("dev")).OfType("aws:dlm/lifecyclePolicy:LifecyclePolicy"));
        Assert.Equal(24, Convert.ToInt32(schedule["policyDetails.schedules.0.createRule.interval"], null));
        Assert.Equal("02:00", schedule["policyDetails.schedules.0.createRule.times"]);
        Assert.Equal(7, Convert.ToInt32(schedule["policyDetails.schedules.0.retainRule.interval"], null));
        Assert.Equal("DAYS", schedule["policyDetails.schedules.0.retainRule.intervalUnit"]);
        Assert.True((await stacks.GetAsync("dev")).Get("aws:ebs/volume:Volume", "data")["finalSnapshot"] is true);
    }

    [Theory]
    [InlineData("dev", "[[aws:ec2/eip:Eip host-address publicIp]]")]
    [InlineData("dev, existing host", "192.0.2.10")]
    public async Task Portal_API_and_environments_have_DNS_records(string name, string address)
    {
        var deployed = await stacks.GetAsync(name);
        var records = deployed.OfType("aws:route53/record:Record").ToDictionary(record => (string)record["name"]!, record => Assert.Single(record.Texts("records")));
        Assert.Equal(["*.users.dev.llm.example.com", "api.dev.llm.example.com", "dev.llm.example.com"], records.Keys.Order(StringComparer.Ordinal));
        Assert.All(records.Values, value => Assert.Equal(address, value));
        Assert.Equal(address, deployed.Outputs["address"]);
    }

    [Fact]
    public async Task An_existing_host_gets_only_DNS_records_and_a_command()
    {
        var deployed = await stacks.GetAsync("dev, existing host");
        Assert.All(deployed.Resources.Where(resource => !resource.IsComponent), resource => Assert.Equal("aws:route53/record:Record", resource.Type));
        var command = (string)deployed.Outputs["bootstrapCommand"]!;
        Assert.StartsWith("ssh root@192.0.2.10 sh -s <<'EOF'\n#!/bin/sh\nset -eu\n", command, StringComparison.Ordinal);
        Assert.EndsWith("install.sh\nEOF", command, StringComparison.Ordinal);
        Assert.Equal("", Shell("-n", command));
        Assert.Contains(" CONTROLPLANE_REGION=berlin-1 ", command, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_hosts_role_allows_only_Session_Manager()
    {
        var deployed = await stacks.GetAsync("dev");
        Assert.Equal("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
            Assert.Single(deployed.DependentsOf(deployed.Get("aws:iam/role:Role", "host"), "aws:iam/rolePolicyAttachment:RolePolicyAttachment"))["policyArn"]);
        Assert.Empty(deployed.OfType("aws:iam/rolePolicy:RolePolicy"));
    }

    [Fact]
    public async Task The_host_has_the_planned_size_a_static_address_and_an_encrypted_disk()
    {
        var deployed = await stacks.GetAsync("dev");
        var host = deployed.Get("aws:ec2/instance:Instance", "host");
        Assert.Equal("m7i.2xlarge", host["instanceType"]); // 8 vCPU, 32 GB
        Assert.True(host["rootBlockDevice.encrypted"] is true && host["metadataOptions.httpTokens"] is "required");
        Assert.Contains("aws:ec2/networkInterface:NetworkInterface host", host.DependsOn);
        Assert.Contains("aws:ec2/networkInterface:NetworkInterface host", Assert.Single(deployed.OfType("aws:ec2/eip:Eip")).DependsOn);
    }

    [Fact]
    public async Task Cloud_init_mounts_the_data_and_installs_the_pinned_release()
    {
        var userData = (string)(await stacks.GetAsync("dev")).Get("aws:ec2/instance:Instance", "host")["userData"]!;
        Assert.StartsWith("#cloud-config\n", userData, StringComparison.Ordinal);
        var cloudInit = new DeserializerBuilder().Build().Deserialize<CloudInit>(userData);
        Assert.Equal(["/usr/local/sbin/mount-controlplane-data && /usr/local/sbin/install-controlplane"], cloudInit.RunCommands);
        var install = cloudInit.Files.Single(file => file["path"] == "/usr/local/sbin/install-controlplane")["content"];
        Assert.Contains("https://releases.example.com/controlplane/v0.2.0/controlplane-0.2.0.tar.gz", install, StringComparison.Ordinal);
        Assert.Contains("sha256sum --check", install, StringComparison.Ordinal);
        Assert.Contains("/deploy/vps/install.sh", install, StringComparison.Ordinal);
        Assert.Contains("CONTROLPLANE_DOMAIN=dev.llm.example.com CONTROLPLANE_DATA=/var/lib/controlplane CONTROLPLANE_REGION=eu-central-1 ", install, StringComparison.Ordinal);
        Assert.Contains("CONTROLPLANE_SSH_FROM=\"198.51.100.0/28\" CONTROLPLANE_VPN_RANGES=\"10.0.0.0/8\" ", install, StringComparison.Ordinal);
        Assert.All(cloudInit.Files, file => Assert.Equal("", Shell("-n", file["content"])));
    }

    [Fact]
    public async Task The_installer_documents_every_setting_that_cloud_init_passes()
    {
        var userData = (string)(await stacks.GetAsync("dev")).Get("aws:ec2/instance:Instance", "host")["userData"]!;
        var passed = Regex.Matches(userData, "CONTROLPLANE_[A-Z_]+(?==)").Select(match => match.Value).Distinct().ToList();
        using var help = Process.Start(new ProcessStartInfo(Path.Combine(StackFile.Root, "deploy/vps/install.sh"), "--help") { RedirectStandardOutput = true })!;
        var text = await help.StandardOutput.ReadToEndAsync();
        Assert.Contains("CONTROLPLANE_DOMAIN", passed);
        Assert.All(passed, name => Assert.Contains($"  {name} ", text, StringComparison.Ordinal));
    }

    // Syntax errors would otherwise appear only on the console of the new host.
    static string Shell(string option, string script)
    {
        using var shell = Process.Start(new ProcessStartInfo("sh") { ArgumentList = { option }, RedirectStandardInput = true, RedirectStandardError = true })!;
        shell.StandardInput.Write(script);
        shell.StandardInput.Close();
        var errors = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        return errors + (shell.ExitCode == 0 ? "" : $"exit {shell.ExitCode}");
    }

    sealed class CloudInit
    {
        [YamlMember(Alias = "package_update")]
        public bool PackageUpdate { get; set; }

        [YamlMember(Alias = "package_upgrade")]
        public bool PackageUpgrade { get; set; }

        [YamlMember(Alias = "packages")]
        public List<string> Packages { get; set; } = [];

        [YamlMember(Alias = "write_files")]
        public List<Dictionary<string, string>> Files { get; set; } = [];

        [YamlMember(Alias = "runcmd")]
        public List<string> RunCommands { get; set; } = [];
    }
}
