namespace Gemma3Server.Engine.Caching;

/// <summary>Chooses the sequence id of a sequence that continues on nothing.</summary>
/// <remarks>
/// A native batch over ids with cells of their own splits where consecutive ids break off, and each part reads all weights once: the ids in
/// use shall stand together. Free ids come first, since they cost nobody anything. Among idle ones only the half that was used less
/// recently is looked at, so that order costs no conversation that is likely to go on.
/// </remarks>
internal static class IdPlacement
{
    /// <summary>The best entry that is neither in use nor <paramref name="except"/>; <see langword="null"/> when there is none.</summary>
    public static CacheEntry? Choose(CacheEntry[] entries, CacheEntry? except = null)
    {
        var hasFree = Array.Exists(entries, static e => e.IsFree);
        CacheEntry? best = null;
        var bestNeighbours = 0;
        foreach (var entry in entries)
        {
            if (entry.InUse || entry == except || (hasFree && !entry.IsFree) || (!hasFree && !IsInLesserHalf(entries, entry, except))) continue;
            var neighbours = Neighbours(entries, entry.Id);
            var better = best is null || neighbours > bestNeighbours
                || (neighbours == bestNeighbours && entry.Worth < best.Worth);
            if (!better) continue;
            best = entry;
            bestNeighbours = neighbours;
        }

        return best;
    }

    private static bool IsInLesserHalf(CacheEntry[] entries, CacheEntry entry, CacheEntry? except)
    {
        int lesser = 0, idle = 0;
        foreach (var other in entries)
        {
            if (!other.IsIdle || other == except) continue;
            idle++;
            if (other.Worth < entry.Worth) lesser++;
        }

        return lesser < (idle + 1) / 2;
    }

    private static int Neighbours(CacheEntry[] entries, int id)
    {
        var neighbours = 0;
        if (id > 0 && entries[id - 1].InUse) neighbours++;
        if (id + 1 < entries.Length && entries[id + 1].InUse) neighbours++;
        return neighbours;
    }
}
