namespace Gemma3Server.Api;

/// <summary>Routes that only read.</summary>
internal static class ReadRoutes
{
    /// <summary>Maps <c>GET</c>, and <c>HEAD</c> with the same headers; the server leaves the body out. The document lists <c>GET</c> alone.</summary>
    /// <returns>The <c>GET</c> route, for its description.</returns>
    public static RouteHandlerBuilder MapGetAndHead(this IEndpointRouteBuilder routes, string pattern, Delegate handler)
    {
        routes.MapMethods(pattern, [HttpMethods.Head], handler).ExcludeFromDescription();
        return routes.MapGet(pattern, handler);
    }
}
