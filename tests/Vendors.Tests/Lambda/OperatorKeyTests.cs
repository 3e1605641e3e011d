using System.Net;
using ControlPlane.Lambda.Web;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class OperatorKeyTests
{
    [Fact]
    public async Task A_replaced_key_is_refused_once_every_process_has_the_new_one()
    {
        const string Former = "the-former-key-of-the-operators", Present = "the-present-key-of-the-operators";
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_OPERATOR_KEY"] = Former;
        await using (var late = await WebRig.StartAsync(rig.Environment, ApiFunction.Build))
        {
            rig.Settings["CONTROLPLANE_OPERATOR_KEY"] = Present;
            await using var early = await WebRig.StartAsync(rig.Environment, ApiFunction.Build);
            Assert.Equal(HttpStatusCode.OK, await SendAsync(early, Present));
            Assert.Equal(HttpStatusCode.OK, await SendAsync(late, Former));
            Assert.Equal(HttpStatusCode.OK, await SendAsync(early, Present));
            Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(early, Former));
        }

        await using var noticed = await WebRig.StartAsync(rig.Environment, ApiFunction.Build);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Unauthorized), (await SendAsync(noticed, Present), await SendAsync(noticed, Former)));
    }

    static async Task<HttpStatusCode> SendAsync(WebRig api, string key)
    {
        using var client = api.NewClient(key);
        return (await client.GetAsync("/v1/admin/tenants")).StatusCode;
    }
}
