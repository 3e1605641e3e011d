using System.Net;
using ControlPlane.Lambda.Web;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class OperatorKeyTests
{
    [Fact]
    public async Task A_key_that_was_replaced_opens_nothing_once_every_process_has_noticed()
    {
        const string Former = "the-former-key-of-the-operators", Present = "the-present-key-of-the-operators";
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_OPERATOR_KEY"] = Former;
        await using (var late = await WebRig.StartAsync(rig.Around, ApiFunction.Build))
        {
            rig.Settings["CONTROLPLANE_OPERATOR_KEY"] = Present;
            await using var early = await WebRig.StartAsync(rig.Around, ApiFunction.Build);
            Assert.Equal(HttpStatusCode.OK, await AskAsync(early, Present));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(late, Former));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(early, Present));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(early, Former));
        }

        await using var noticed = await WebRig.StartAsync(rig.Around, ApiFunction.Build);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Unauthorized), (await AskAsync(noticed, Present), await AskAsync(noticed, Former)));
    }

    static async Task<HttpStatusCode> AskAsync(WebRig api, string key)
    {
        using var client = api.NewClient(key);
        return (await client.GetAsync("/v1/admin/tenants")).StatusCode;
    }
}
