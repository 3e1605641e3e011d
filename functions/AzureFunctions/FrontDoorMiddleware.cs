using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// Accepts only requests through our Azure Front Door profile, which adds its id to each. The application uses the client's address from Front Door's
/// headers, so requests that bypass it must be refused.
/// </summary>
sealed class FrontDoorMiddleware(RequestDelegate next, string id)
{
    /// <summary>The id of the Front Door profile; without it clients call the app directly.</summary>
    public const string Setting = "CONTROLPLANE_FRONT_DOOR";

    readonly byte[] _id = Encoding.UTF8.GetBytes(id);

    public Task InvokeAsync(HttpContext context) =>
        CryptographicOperations.FixedTimeEquals(_id, Encoding.UTF8.GetBytes(context.Request.Headers["X-Azure-FDID"].ToString()))
            ? next(context)
            : TypedResults.Problem(
                "Use the address of the portal.", statusCode: StatusCodes.Status421MisdirectedRequest, title: "Direct access is not allowed").ExecuteAsync(context);
}
