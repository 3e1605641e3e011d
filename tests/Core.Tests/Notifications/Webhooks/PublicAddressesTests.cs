using System.Net;

namespace ControlPlane.Tests.Notifications.Webhooks;

public class PublicAddressesTests
{
    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("172.32.0.1", true)]
    [InlineData("2a00:1450:4001:80b::200e", true)]
    [InlineData("::ffff:8.8.8.8", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("10.0.0.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::1", false)]
    [InlineData("::", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fd00::1", false)]
    [InlineData("ff02::1", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("64:ff9b::a00:1", false)]
    [InlineData("2002:a00:1::", false)]
    [InlineData("2001::1", false)]
    public void Only_public_addresses_are_called(string address, bool isPublic) =>
        Assert.Equal(isPublic, PublicAddresses.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("https://example.com/hooks?x=1", false, true)]
    [InlineData("https://8.8.8.8:8443/", false, true)]
    [InlineData("http://example.com/", false, false)]
    [InlineData("https://[::1]/", false, false)]
    [InlineData("https://192.168.1.1/", false, false)]
    [InlineData("https://user@example.com/", false, false)]
    [InlineData("https://example.com/#a", false, false)]
    [InlineData("/hooks", false, false)]
    [InlineData(null, true, false)]
    [InlineData("http://127.0.0.1:8000/", true, true)]
    [InlineData("file:///etc/passwd", true, false)]
    public void Outside_a_sandbox_a_webhook_URL_must_be_public_and_https(string? url, bool sandbox, bool valid) =>
        Assert.Equal(valid, WebhookUrl.Validate(url, sandbox) is null);
}
