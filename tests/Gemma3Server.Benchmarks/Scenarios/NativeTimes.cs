using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Times that follow from the native loop's rates.</summary>
internal static class NativeTimes
{
    /// <summary>Seconds from an idle start to a prompt's first token.</summary>
    public static double ToFirstToken(NativeBaseline native, int[] prompt) => prompt.Length / native.Run([prompt], 1).PrefillRate;
}
