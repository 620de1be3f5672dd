using Gemma3Server.Engine.Caching;

namespace Gemma3Server.Engine.Tests.Caching;

public sealed class RadixTreeTests
{
    [Fact]
    public void Insert_TwoThatPart_SharesTheirBeginning()
    {
        var tree = new RadixTree();
        var left = tree.Insert([1, 2, 3, 4]);
        var right = tree.Insert([1, 2, 7]);
        Assert.Equal((5, 3), (tree.Tokens, tree.Nodes));
        Assert.Same(left.Parent, right.Parent);
        Assert.True(left.Parent!.IsBranch);
        Assert.Equal((2, 4, 3), (left.Start, left.End, right.End));
        tree.CheckIntegrity([]);
    }

    [Fact]
    public void Insert_Known_ReturnsItsNode()
    {
        var tree = new RadixTree();
        var whole = tree.Insert([1, 2, 3]);
        Assert.Same(whole, tree.Insert([1, 2, 3]));
        var part = tree.Insert([1, 2]);
        Assert.Same(part, whole.Parent);
        Assert.Same(tree.Root, tree.Insert([]));
        Assert.Equal((3, 2), (tree.Tokens, tree.Nodes));
    }

    [Fact]
    public void Match_Partly_SharedSpeaksOfEveryPrefix()
    {
        var tree = new RadixTree();
        var a = tree.Insert([1, 2, 3, 4]);
        var b = tree.Insert([1, 2, 3, 4, 5, 6]);
        var c = tree.Insert([1, 9]);
        Assert.Equal(5, tree.Match([1, 2, 3, 4, 5, 7]));
        Assert.Equal((4, 5, 1), (tree.Shared(a), tree.Shared(b), tree.Shared(c)));
        Assert.Same(a, tree.Deepest(5));
        Assert.Same(a.Parent, tree.Deepest(3));
    }

    [Fact]
    public void Unlock_LastLock_IsReportedForEveryNodeThatLostIt()
    {
        var unlocked = new List<int>();
        var tree = new RadixTree(node => unlocked.Add(node.End));
        var shared = tree.Insert([1, 2]);
        var longer = tree.Insert([1, 2, 3]);
        RadixTree.Lock(shared);
        RadixTree.Lock(longer);
        Assert.Equal(2, shared.Locks);
        tree.Unlock(longer);
        Assert.Equal([3], unlocked);
        tree.Unlock(shared);
        Assert.Equal([3, 2, 0], unlocked);
    }

    [Fact]
    public void Evict_LockedOrGoingOn_Refuses()
    {
        var tree = new RadixTree();
        var node = tree.Insert([1, 2, 3]);
        RadixTree.Lock(node);
        Assert.False(tree.Evict(node));
        tree.Unlock(node);
        tree.Insert([1, 2, 3, 4]);
        Assert.False(tree.Evict(node));
        Assert.False(tree.Evict(tree.Root));
    }

    [Fact]
    public void Evict_OneOfTwoBranches_JoinsTheOther()
    {
        var tree = new RadixTree();
        var left = tree.Insert([1, 2, 3]);
        var right = tree.Insert([1, 2, 4, 5]);
        Assert.True(tree.Evict(left));
        Assert.Equal((4, 1), (tree.Tokens, tree.Nodes));
        Assert.Equal([1, 2, 4, 5], right.Edge.ToArray());
        Assert.Equal(4, tree.Match([1, 2, 4, 5]));
        tree.CheckIntegrity([]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_AgainstANaiveList_AgreesAlways(int seed)
    {
        var random = new Random(seed);
        var tree = new RadixTree();
        var locked = new List<(int[] Tokens, RadixNode Node)>();
        var free = new List<(int[] Tokens, RadixNode Node)>();
        for (var i = 0; i < 3000; i++)
        {
            switch (random.Next(4))
            {
                case 0 or 1 when locked.Count < 40:
                    var tokens = Tokens(random);
                    var node = tree.Insert(tokens);
                    Assert.Equal(tokens.Length, node.End);
                    RadixTree.Lock(node);
                    locked.Add((tokens, node));
                    break;
                case 2 when locked.Count > 0:
                    var leaving = locked[random.Next(locked.Count)];
                    locked.Remove(leaving);
                    tree.Unlock(leaving.Node);
                    free.Add(leaving);
                    break;
                case 3 when free.Count > 0:
                    var gone = free[random.Next(free.Count)];
                    free.Remove(gone);
                    tree.Evict(gone.Node);
                    break;
            }

            tree.CheckIntegrity(locked.Select(l => l.Node));
            var wanted = Tokens(random);
            var known = tree.Match(wanted);
            var held = 0;
            foreach (var (tokens, node) in locked)
            {
                var common = wanted.AsSpan().CommonPrefixLength(tokens);
                Assert.Equal(common, tree.Shared(node));
                held = Math.Max(held, common);
            }

            Assert.InRange(known, held, wanted.Length);
            Assert.Equal(locked.Count, tree.Root.Locks);
        }

        foreach (var (_, node) in locked) tree.Unlock(node);
        foreach (var (_, node) in locked.Concat(free).OrderByDescending(n => n.Node.End)) tree.Evict(node);
        Assert.Equal((0, 0), (tree.Tokens, tree.Nodes));
    }

    /// <summary>Three letters only, so that prefixes meet often.</summary>
    private static int[] Tokens(Random random) => [.. Enumerable.Range(0, random.Next(12)).Select(_ => random.Next(3) / 2)];
}
