from snapshotter.entry import main

main()
