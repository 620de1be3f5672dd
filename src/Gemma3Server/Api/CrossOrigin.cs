using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Hosting;

namespace Gemma3Server.Api;

/// <summary>Lets web pages of configured origins call the API (CORS); off unless there are any.</summary>
internal static class CrossOrigin
{
    /// <summary>Stands for every origin.</summary>
    public const string Any = "*";

    /// <summary>
    /// Whether a browser would send this as <c>Origin</c>: scheme, host and a port that is not the scheme's default; no path, no slash at
    /// the end.
    /// </summary>
    public static bool IsOrigin(string text) =>
        text == Any || (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.GetLeftPart(UriPartial.Authority) == text && uri.Host.Length > 0);

    /// <summary>To be placed before the key check: a browser's preflight request carries no key, and its page must be able to read a refusal.</summary>
    public static void UseCrossOrigin(this WebApplication app)
    {
        var origins = app.Services.GetRequiredService<HttpSettings>().CorsOrigins;
        if (origins.Length == 0) return;
        app.UseCors(policy =>
        {
            if (origins.Contains(Any)) policy.AllowAnyOrigin();
            else policy.WithOrigins(origins);
            policy.AllowAnyHeader().AllowAnyMethod()
                .WithExposedHeaders(RequestId.Header, ChatCompletionsEndpoint.IgnoredHeader, "retry-after");
        });
    }
}
