namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>The scenarios' names, as <c>--only</c> takes them.</summary>
internal static class ScenarioNames
{
    public const string Single = "single";
    public const string Sixteen = "sixteen";
    public const string LongStreams = "long-streams";
    public const string Churn = "churn";
    public const string ColdBurst = "cold-burst";
    public const string SharedSystem = "shared-system";
    public const string LongArrivals = "long-arrivals";
    public const string Conversations = "conversations";
    public const string Idle = "idle-ttft";
    public const string Poisson = "poisson";
    public const string Predicted = "predicted";
    public const string PredictedEight = "predicted-8";
    public const string PredictedSixteen = "predicted-16";
    public const string Edited = "edited";
    public const string EditedEight = "edited-8";
    public const string Repeated = "repeated";
    public const string Mispredicted = "mispredicted";
    public const string MispredictedSixteen = "mispredicted-16";
    public const string Drafted = "drafted";
    public const string UnpredictedSixteen = "unpredicted-16";
}
