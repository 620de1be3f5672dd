using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;

namespace Gemma3Server.Chat;

/// <summary>OpenAI's service tiers, as classes of the engine's queue.</summary>
internal static class ServiceTier
{
    /// <summary>The values that are understood; <c>auto</c> is <c>default</c>.</summary>
    public static readonly string[] Names = ["auto", "default", "flex", "priority"];

    public static RequestPriority Read(string? tier, FieldChecks checks)
    {
        switch (tier)
        {
            case null or "auto" or "default":
                return RequestPriority.Default;
            case "flex":
                return RequestPriority.Flex;
            case "priority":
                return RequestPriority.Priority;
            default:
                checks.Add(OpenAiError.UnsupportedValue("service_tier",
                    $"'service_tier' must be \"{string.Join("\", \"", Names[..^1])}\" or \"{Names[^1]}\", but is '{Excerpt.Of(tier)}'."));
                return RequestPriority.Default;
        }
    }

    /// <summary>What a response says of the tier that was used.</summary>
    public static string NameOf(RequestPriority priority) => priority switch
    {
        RequestPriority.Priority => "priority",
        RequestPriority.Flex => "flex",
        _ => "default",
    };
}
