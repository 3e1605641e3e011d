using System.Security.Cryptography;

namespace ControlPlane.Tests.Platform;

public class SecretBoxTests
{
    static readonly SecretBox Box = new(new byte[32]);

    [Fact]
    public void A_secret_opens_in_its_own_context_only()
    {
        var sealedBytes = Box.Seal("s3cret", "webhook_secret:1");

        Assert.Equal("s3cret", Box.Open(sealedBytes, "webhook_secret:1"));
        Assert.ThrowsAny<CryptographicException>(() => Box.Open(sealedBytes, "webhook_secret:2"));
    }

    [Fact]
    public void Concurrent_requests_may_seal_and_open() => Parallel.For(0, 20_000, i =>
    {
        var secret = new string('x', i % 50);
        Assert.Equal(secret, Box.Open(Box.Seal(secret, "c"), "c"));
    });
}
