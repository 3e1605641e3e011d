using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// Where the portal's domain is Azure Front Door's: only requests that come through ours. Front Door puts the id of its profile on each, and
/// what it says of the client is believed, so nobody may come around it.
/// </summary>
sealed class ThroughFrontDoor(RequestDelegate next, string id)
{
    /// <summary>The id of the Front Door profile; without it the app is reached directly.</summary>
    public const string Setting = "CONTROLPLANE_FRONT_DOOR";

    readonly byte[] _id = Encoding.UTF8.GetBytes(id);

    public Task InvokeAsync(HttpContext context) =>
        CryptographicOperations.FixedTimeEquals(_id, Encoding.UTF8.GetBytes(context.Request.Headers["X-Azure-FDID"].ToString()))
            ? next(context)
            : TypedResults.Problem(
                "Use the address of the portal.", statusCode: StatusCodes.Status421MisdirectedRequest, title: "Not reached this way").ExecuteAsync(context);
}
