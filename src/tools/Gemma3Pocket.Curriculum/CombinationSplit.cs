namespace Gemma3Pocket.Curriculum;

/// <summary>Tells trained and held-out combinations apart by a hash that never changes.</summary>
internal static class CombinationSplit
{
    /// <summary>One combination in so many is held out.</summary>
    public const int HeldOutOneIn = 10;

    public static LessonSplit Of(string key) => Hash(key) % HeldOutOneIn == 0 ? LessonSplit.HeldOut : LessonSplit.Train;

    /// <summary>FNV-1a over UTF-16, then mixed: FNV's low bits alone follow those of the last characters.</summary>
    private static ulong Hash(string key)
    {
        var hash = 14695981039346656037UL;
        foreach (var c in key)
            hash = (hash ^ c) * 1099511628211UL;
        hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCD;
        return hash ^ (hash >> 33);
    }
}
